// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/feeds.h"

#include <algorithm>

#include "protocols/alto/patch_apply.h"

namespace peerscope::alto {
namespace {

constexpr std::size_t kLongLine = 8 * 1024;
// Beyond it a change is told by the whole resource: a document takes many times its text.
constexpr std::size_t kMostPatched = 64 * 1024 * 1024;

Feed::Body shared(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

}  // namespace

const char* media_type_of(Feed::Form form) {
  return form == Feed::Form::kJsonPatch ? message_type<JsonPatch>().media_type : message_type<MergePatch>().media_type;
}

std::string event_data_of(std::string_view json) {
  std::string out = "data: ";
  out.reserve(json.size() + json.size() / kLongLine * 7 + 16);
  std::size_t begin = 0;  // of the line
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_text = false;
      continue;
    }
    in_text = c == '"';
    if (c != ',' || i - begin < kLongLine) continue;
    out.append(json.substr(begin, i + 1 - begin));
    out += "\ndata: ";
    begin = i + 1;
  }
  out.append(json.substr(begin));
  out += "\n\n";
  return out;
}

const Feed::Body& Feed::Version::event_data(Form form) const {
  Body& made = lines[static_cast<std::size_t>(form)];
  if (made == nullptr) made = shared(event_data_of(*body(form)));
  return made;
}

Feed::Feed(std::string id, std::string media_type, std::string input, Asker asker, int depth)
    : id_(std::move(id)),
      media_type_(std::move(media_type)),
      input_(std::move(input)),
      asker_(std::move(asker)),
      depth_(depth) {}

const Feed::Version* Feed::find(std::int64_t number) const {
  if (number < oldest().number || number > latest().number) return nullptr;
  return &versions_[static_cast<std::size_t>(number - oldest().number)];
}

const Feed::Version* Feed::with_tag(std::string_view tag) const {
  // The newest: a map may come back to what it was.
  for (auto at = versions_.rbegin(); at != versions_.rend(); ++at) {
    if (!at->tag.empty() && at->tag == tag) return &*at;
  }
  return nullptr;
}

Answer Feed::ask(const Services& resources, Body& body) const {
  const Services::Service* service = resources.find(id_);
  Answer out;
  if (service == nullptr) {
    out.fault = Fault{kErrorFieldValue, "resource-id", id_};
    return out;
  }
  if (!service->posts()) {
    body = resources.whole(*service);
    return out;
  }
  out = resources.ask(*service, input_, asker_);
  body = shared(std::move(out.body));
  return out;
}

Answer Feed::start(const Services& resources) {
  Version first;
  first.number = 1;
  Answer answer = ask(resources, first.bodies[0]);
  const Services::Service* service = resources.find(id_);
  if (service != nullptr && service->versioned) first.tag = resources.world().tag;
  versions_.push_back(std::move(first));
  return answer;
}

bool Feed::update(const Services& resources) {
  if (ended_) return false;
  Version next;
  next.number = latest().number + 1;
  const Answer answer = ask(resources, next.bodies[0]);
  if (answer.fault || answer.too_much) {
    ended_ = true;
    return false;
  }
  if (*next.body(Form::kWhole) == *latest().body(Form::kWhole)) return false;
  if (resources.find(id_)->versioned) next.tag = resources.world().tag;
  add_patches(next, latest());
  versions_.push_back(std::move(next));
  while (versions_.size() > kept_) versions_.pop_front();
  return true;
}

void Feed::add_patches(Version& next, const Version& before) {
  if (before.body(Form::kWhole)->size() > kMostPatched || next.body(Form::kWhole)->size() > kMostPatched) {
    document_.reset();
    return;
  }
  if (document_ == nullptr) document_ = parse_json(*before.body(Form::kWhole));
  auto document = parse_json(*next.body(Form::kWhole));
  // Where null has a meaning of its own, a merge patch would delete instead (A-SSE-11): then there is none.
  JsonValue merge;
  if (make_merge_patch(*document_, *document, merge))
    next.bodies[static_cast<std::size_t>(Form::kMergePatch)] = shared(json_text(merge));
  JsonPatch patch;
  patch.operations = make_json_patch(*document_, *document);
  next.bodies[static_cast<std::size_t>(Form::kJsonPatch)] = shared(encode(std::move(patch)));
  document_ = std::move(document);
}

std::shared_ptr<Feed> Feeds::open(const Services& resources, const Services::Service& service, const std::string& input,
                                  const Asker& asker, Answer& answer) {
  std::string key = service.id + '\n' + input;
  if (service.asker_counts) key += '\n' + asker.address;
  if (feeds_.size() >= most_) forget_unheld();
  if (auto known = feeds_[key].lock(); known && !known->ended()) return known;
  const int depth = service.entry.uses ? 1 : 0;
  auto feed = std::make_shared<Feed>(service.id, *service.entry.media_type, input, asker, depth);
  answer = feed->start(resources);
  if (answer.fault || answer.too_much) {
    feeds_.erase(key);
    return nullptr;
  }
  feeds_[key] = feed;
  return feed;
}

// Clients come and go between two changes of the world, each with an input of its own.
void Feeds::forget_unheld() {
  std::erase_if(feeds_, [](const auto& feed) { return feed.second.expired(); });
  most_ = std::max<std::size_t>(64, 2 * feeds_.size());
}

void Feeds::update(const Services& resources) {
  for (auto at = feeds_.begin(); at != feeds_.end();) {
    if (const auto feed = at->second.lock()) {
      feed->update(resources);
      ++at;
    } else {
      at = feeds_.erase(at);
    }
  }
}

}  // namespace peerscope::alto
