// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/replay/places.h"

#include <fmt/format.h>

#include <utility>

#include "harness/scenario/scenario.h"

namespace peerscope::harness {
namespace {

constexpr std::string_view kDirectory = "directory";
constexpr std::string_view kEventStream = "text/event-stream";

}  // namespace

std::string Places::learn(const Protocol& protocol, const net::Url& directory, const std::vector<std::string>& data,
                          const Ask& ask) {
  protocol_ = &protocol;
  directory_ = directory;
  survey_ = survey_kind(protocol)->make(directory);
  for (const std::string& path : data) {
    if (std::string error = survey_->teach(path); !error.empty()) return error;
  }
  constexpr int kMostFetches = 64;
  auto fetch = survey_->next();
  for (int i = 0; fetch && i < kMostFetches; ++i, fetch = survey_->next()) {
    const MessagePtr answer = ask(*fetch);
    if (answer == nullptr && i == 0) return fmt::format("{}: no answer", fetch->url.to_string());
    if (answer == nullptr) continue;
    if (std::string error = survey_->learn(*fetch, *answer); !error.empty()) return error;
  }
  return {};
}

bool Places::is_directory(const Message& answer) {
  return answer.type != nullptr && answer.type->name == kDirectory;
}

std::optional<Places::Place> Places::find(const CapturedMessage& request, const Message* answer, std::string& reason) {
  const Message* asked = request.message->type != nullptr ? request.message.get() : nullptr;
  const Tree subject = survey_->subject(asked, answer);
  const Tree* msg = subject.find("msg");
  Place place;
  if (msg == nullptr) {
    reason = "nothing in the capture tells which resource it asks for, or the directory lists none for it";
    return std::nullopt;
  }
  if (asked == nullptr && msg->scalar == kDirectory) {
    place.url = directory_;
    place.accept = "*/*";
    return place;
  }
  const auto resource = survey_->find(subject, reason);
  if (!resource) return std::nullopt;
  place.url = resource->url;
  place.accept = resource->accept;
  if (asked != nullptr) place.body = survey_->renamed(*asked, answer);
  const MessageType* type = message_named(*protocol_, msg->scalar);
  place.stream = type != nullptr && type->media_type == kEventStream;
  return place;
}

std::vector<std::string> captured_targets(const std::vector<CapturedMessage>& messages) {
  std::vector<std::string> out(messages.size());
  std::vector<const Message*> answers(messages.size(), nullptr);
  MessagePtr directory;
  for (const CapturedMessage& captured : messages) {
    if (captured.request != CapturedMessage::kNone) answers[captured.request] = captured.message.get();
    if (directory == nullptr && Places::is_directory(*captured.message)) directory = captured.message;
  }
  for (std::size_t i = 0; i < messages.size(); ++i) out[i] = messages[i].http_request.target;
  const auto base = net::Url::parse("http://directory.invalid/");
  if (directory == nullptr || !base) return out;
  Places places;
  bool told = false;
  const std::string error = places.learn(*messages.front().protocol, *base, {}, [&](const Survey::Fetch&) {
    // The directory's own word is enough; its maps are not asked for.
    return std::exchange(told, true) ? nullptr : directory;
  });
  if (!error.empty()) return out;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    std::string reason;
    if (messages[i].message->direction != Direction::kRequest || !out[i].empty()) continue;
    if (const auto place = places.find(messages[i], answers[i], reason); place) out[i] = place->url.target;
  }
  return out;
}

std::vector<CapturedMessage> with_gets(const std::vector<CapturedMessage>& messages) {
  std::vector<CapturedMessage> out;
  std::vector<std::size_t> place(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const CapturedMessage& captured = messages[i];
    const bool orphan = captured.message->direction == Direction::kResponse &&
                        captured.request == CapturedMessage::kNone && survey_kind(*captured.protocol) != nullptr &&
                        captured.message->transport.part == 0;  // the rest of a body is no answer of its own
    if (orphan) {
      CapturedMessage& get = out.emplace_back();
      get.protocol = captured.protocol;
      get.http_request.method = "GET";
      get.message = std::make_shared<Message>();
      get.message->direction = Direction::kRequest;
      get.message->transport = captured.message->transport;
      get.message->transport.method = "GET";
      get.message->transport.status = 0;
      get.message->frame = captured.message->frame;
      get.message->time_ns = captured.message->time_ns;
      get.message->source = captured.message->destination;
      get.message->destination = captured.message->source;
    }
    place[i] = out.size();
    out.push_back(captured);
    if (captured.request != CapturedMessage::kNone) out.back().request = place[captured.request];
    if (orphan) out.back().request = out.size() - 2;
  }
  return out;
}

}  // namespace peerscope::harness
