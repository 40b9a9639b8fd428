// SPDX-License-Identifier: GPL-2.0-or-later
// `peerscope reload`: a RELOAD client that asks one thing.
#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <charconv>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/reload_setup.h"
#include "protocols/reload/protocol.h"
#include "protocols/reload/security/text.h"
#include "reference-impl/reload/new_overlay.h"
#include "reference-impl/reload/path_track.h"

namespace peerscope::cli {
namespace {

using reload::Answer;
using reload::Contents;
using reload::Reply;
namespace text = reload::text;

constexpr int kRefused = 1;
constexpr int kUnreachable = 3;

struct Wish {
  std::string target;
  std::string kind = "0xf0000001";
  std::string value;
  std::string key;
  std::uint32_t index = reload::kAppendIndex;
  std::uint32_t lifetime = 86400;
  std::uint64_t generation = 0;
  bool remove = false;
  bool diagnostics = false;
  double timeout = 30;
};

int complain(int code, std::string_view why) {
  fmt::print(stderr, "peerscope reload: {}\n", why);
  return code;
}

std::string printable(std::string_view bytes) {
  const auto plain = [](char c) { return c >= ' ' && c < 127; };
  return std::all_of(bytes.begin(), bytes.end(), plain) ? fmt::format("\"{}\"", bytes) : "0x" + text::to_hex(bytes);
}

// A Kind by name or number.
net::Result<std::uint32_t> find_kind(const reload::Overlay& overlay, const std::string& word) {
  for (const auto& [id, rules] : overlay.kinds) {
    if (rules.name == word) return id;
  }
  const bool hex = word.starts_with("0x");
  std::uint32_t id = 0;
  const char* end = word.data() + word.size();
  const auto parsed = std::from_chars(word.data() + (hex ? 2 : 0), end, id, hex ? 16 : 10);
  if (parsed.ec != std::errc() || parsed.ptr != end || overlay.find_kind(id) == nullptr) {
    std::string known;
    for (const auto& [one, rules] : overlay.kinds) known += fmt::format(" {}", overlay.context.name_of(one));
    return {net::ErrorKind::kLocal, fmt::format("no Kind '{}' in this overlay; it has{}", word, known)};
  }
  return id;
}

// One question and its answer, on one thread.
class Client {
 public:
  Client(const ReloadSettings& settings, Wish wish) : settings_(settings), wish_(std::move(wish)) {}

  int run(const std::string& what) {
    auto overlay = load_overlay(settings_);
    if (!overlay.ok()) return complain(names_overlay(settings_) ? kUnreachable : 2, overlay.error().message);
    auto identity = load_identity(settings_, **overlay);
    if (!identity.ok()) return complain(kUnreachable, identity.error().message);
    auto bootstrap = bootstrap_nodes(settings_, **overlay);
    if (!bootstrap.ok()) return complain(2, bootstrap.error().message);
    if (const auto opened = records_.open(settings_); !opened.ok()) return complain(2, opened.error().message);
    user_ = identity->certificate->user_name();
    auto transport = transport_options(settings_);
    if (!transport.ok()) return complain(2, transport.error().message);
    transport->listening = false;
    transport->key_log = records_.key_log();
    reload::NodeOptions options;
    options.client = true;
    reload::SocketNode node(context_.get_executor(), clock_, random_, *overlay, *identity, options, *transport);
    if (const auto started = node.start(); !started.ok()) return complain(kUnreachable, started.error().message);
    node_ = &node.node();
    records_.watch(*node_, {"0.0.0.0", 0}, clock_);
    clock_.schedule(std::chrono::duration_cast<net::Duration>(std::chrono::duration<double>(wish_.timeout)),
                    [this] { end(complain(kUnreachable, "no answer in time")); });
    node_->connect(*bootstrap, [this, what](net::Result<void> connected) {
      if (!connected.ok()) return end(complain(kUnreachable, connected.error().message));
      ask(what);
    });
    context_.run();
    node_->stop();
    // What is still to be written to the link goes out.
    context_.restart();
    context_.run_for(std::chrono::milliseconds(50));
    return code_;
  }

 private:
  void end(int code) {
    code_ = code;
    context_.stop();
  }

  bool find_target() {
    const std::string& word = wish_.target;
    for (const auto& [prefix, to_node] : {std::pair("node:", true), std::pair("resource:", false)}) {
      if (!word.starts_with(prefix)) continue;
      const auto id = text::from_hex(word.substr(std::string_view(prefix).size()));
      if (!id || id->empty()) return end(complain(2, word + ": hex digits are expected")), false;
      target_ = to_node ? reload::Destination::node(*id) : reload::Destination::resource(*id);
      return true;
    }
    target_ = reload::Destination::resource(node_->resource_id(word.empty() ? user_ : word));
    return true;
  }

  void ask(const std::string& what) {
    if (!find_target()) return;
    if (what == "ping") return request(Contents(reload::PingReq{}));
    if (what == "probe") {
      reload::ProbeReq probe;
      probe.requested_info = {reload::kResponsibleSet, reload::kNumResources, reload::kUptime};
      return request(Contents(std::move(probe)));
    }
    if (what == "pathtrack") return track();
    if (what == "route") {
      reload::RouteQueryReq query;
      query.destination = target_;
      return request(Contents(std::move(query)));
    }
    const auto kind = find_kind(*node_->overlay(), wish_.kind);
    if (!kind.ok()) return end(complain(2, kind.error().message));
    if (what == "store") return store(*kind);
    if (what == "find") {
      reload::FindReq find;
      find.resource = target_.id;
      find.kinds = {*kind};
      return request(Contents(std::move(find)));
    }
    reload::StoredDataSpecifier specifier;
    specifier.kind = *kind;
    specifier.model = node_->overlay()->context.model_of(*kind);
    if (specifier.model == reload::DataModel::kArray) specifier.indices.push_back({0, reload::kLastIndex});
    if (what == "fetch") return fetch(specifier);
    reload::StatReq stat;
    stat.resource = target_.id;
    stat.specifiers = {specifier};
    request(Contents(std::move(stat)));
  }

  void request(Contents contents) {
    node_->request({target_}, std::move(contents), [this](Reply<Answer> reply) {
      if (!reply.ok()) return refused(reply.error());
      fmt::print("from {} over {} links\n", text::to_hex(reply->from.view()), reply->hops);
      show(reply->body);
      end(0);
    });
  }

  // Each node on the way, as it answers.
  void track() {
    reload::track_path(
        *node_, clock_, node_->entry(), target_, wish_.diagnostics ? reload::kAllDiagnostics : 0,
        [this](const reload::PathStep& step) {
          fmt::print(
              "{:2}  {}  {} ms one way{}\n", ++steps_, text::to_hex(step.node.view()),
              static_cast<std::int64_t>(step.diagnostics.timestamp_received - step.diagnostics.timestamp_initiated),
              step.node == step.next ? ", responsible" : "");
          for (const reload::DiagnosticInfo& info : step.diagnostics.infos) show(info);
        },
        [this](std::optional<reload::RequestError> failed) {
          if (failed) return refused(*failed);
          end(0);
        });
  }

  void show(const reload::DiagnosticInfo& info) const {
    reload::DiagnosticValue value;
    value.kind = info.kind;
    const std::string name(value_name(reload::kDiagnosticInfoKind, info.kind));
    if (!decode_part(info.contents, value)) return fmt::print("      {}  {}\n", name, text::to_hex(info.contents));
    while (value.text.ends_with('\0')) value.text.pop_back();
    std::string shown = value.text.empty() ? std::to_string(value.number) : printable(value.text);
    if (info.kind == reload::kInstancesStoredKind) {
      shown.clear();
      for (const auto& one : value.instances)
        shown += fmt::format("{}{} x {}", shown.empty() ? "" : ", ", one.instances,
                             node_->overlay()->context.name_of(one.kind));
    }
    fmt::print("      {}  {}\n", name, shown);
  }

  void refused(const reload::RequestError& error) {
    end(complain(error.code == 0 ? kUnreachable : kRefused,
                 error.info.empty() ? error.text : fmt::format("{}: {}", error.text, printable(error.info))));
  }

  void store(std::uint32_t kind) {
    reload::NewValue value;
    value.kind = kind;
    value.value = wish_.value;
    value.exists = !wish_.remove;
    value.index = wish_.index;
    value.lifetime = wish_.lifetime;
    value.key = wish_.key.empty() ? node_->node_id().str() : text::from_hex(wish_.key).value_or(wish_.key);
    node_->store(
        target_.id, {value},
        [this](Reply<reload::StoreAns> reply) {
          if (!reply.ok()) return refused(reply.error());
          for (const auto& one : reply->kind_responses) {
            fmt::print("stored, Kind {}, generation {}, {} replicas\n", node_->overlay()->context.name_of(one.kind),
                       one.generation_counter, one.replicas.size());
          }
          end(0);
        },
        wish_.generation);
  }

  void fetch(const reload::StoredDataSpecifier& specifier) {
    node_->fetch(target_.id, {specifier}, [this](Reply<std::vector<reload::FetchKindResponse>> reply) {
      if (!reply.ok()) return refused(reply.error());
      std::size_t shown = 0;
      for (const auto& response : *reply) {
        for (const auto& value : response.values) {
          if (!value.exists) continue;
          std::string place;
          if (value.model == reload::DataModel::kArray) place = fmt::format("[{}] ", value.index);
          if (value.model == reload::DataModel::kDictionary) place = printable(value.key) + ": ";
          fmt::print("{}{}  (generation {}, {} s left)\n", place, printable(value.value), response.generation,
                     value.lifetime);
          ++shown;
        }
      }
      if (shown == 0) return end(complain(kRefused, "nothing is stored there"));
      end(0);
    });
  }

  void show(const reload::Body& body) const {
    if (const auto* ping = std::get_if<reload::PingAns>(&body)) fmt::print("time {} ms\n", ping->time);
    if (const auto* probe = std::get_if<reload::ProbeAns>(&body)) {
      for (const auto& info : probe->probe_info)
        fmt::print("{} {}\n", value_name(reload::kProbeType, info.type), info.value);
    }
    if (const auto* route = std::get_if<reload::RouteQueryAns>(&body))
      fmt::print("next peer {}\n", text::to_hex(route->next_peer.empty() ? route->data : route->next_peer.view()));
    if (const auto* find = std::get_if<reload::FindAns>(&body)) {
      for (const auto& one : find->results)
        fmt::print("Kind {}: closest {}\n", node_->overlay()->context.name_of(one.kind), text::to_hex(one.closest));
    }
    if (const auto* stat = std::get_if<reload::StatAns>(&body)) {
      for (const auto& response : stat->kind_responses) {
        for (const auto& meta : response.values) {
          fmt::print("{} bytes, exists {}, stored {} ms, {} s left, {} {}\n", meta.value_length, meta.exists,
                     meta.storage_time, meta.lifetime, value_name(reload::kMetaHashAlgorithm, meta.hash_algorithm),
                     text::to_hex(meta.hash_value));
        }
      }
    }
  }

  const ReloadSettings& settings_;
  Wish wish_;
  net::asio::io_context context_{1};
  net::SystemClock clock_{context_.get_executor()};
  reload::SystemRandom random_;
  ReloadRecords records_;
  std::string user_;
  reload::Destination target_;
  reload::Node* node_ = nullptr;
  int steps_ = 0;
  int code_ = kUnreachable;
};

}  // namespace

int reload(int argc, char** argv) {
  ReloadSettings settings;
  settings.log_level = "warning";
  settings.links = "both";
  Wish wish;
  CLI::App app("Ask a RELOAD overlay (RFC 6940) one thing, as a client", "reload");
  app.require_subcommand(1);
  struct Verb {
    const char* name;
    const char* about;
    bool kind;
  };
  constexpr Verb kVerbs[] = {{"ping", "ask who is there", false},
                             {"probe", "ask a peer for its share, its resources and its uptime", false},
                             {"route", "ask for the next peer on the way", false},
                             {"pathtrack", "follow the way there, node by node (RFC 7851)", false},
                             {"store", "store a value", true},
                             {"fetch", "fetch values and check their signatures", true},
                             {"stat", "ask for the values' metadata", true},
                             {"find", "ask for the closest resource that has the Kind", true}};
  for (const Verb& verb : kVerbs) {
    CLI::App* sub = app.add_subcommand(verb.name, verb.about);
    sub->add_option("target", wish.target, "Resource Name, resource:HEX or node:HEX; default: the own user name");
    if (std::string_view(verb.name) == "store") {
      sub->add_option("value", wish.value, "what to store");
      sub->add_option("--key", wish.key, "dictionary key, hex or text; default: the own Node-ID");
      sub->add_option("--index", wish.index, "array index; default: behind the last one");
      sub->add_option("--lifetime", wish.lifetime, "seconds")->capture_default_str();
      sub->add_option("--generation", wish.generation, "that must be stored; 0: any")->capture_default_str();
      sub->add_flag("--remove", wish.remove, "store that there is nothing");
    }
    if (std::string_view(verb.name) == "pathtrack")
      sub->add_flag("--diagnostics", wish.diagnostics, "ask each node how it is; it may refuse");
    if (verb.kind) sub->add_option("--kind", wish.kind, "name or number")->capture_default_str();
    sub->add_option("--timeout", wish.timeout, "seconds")->check(CLI::Range(0.1, 1e6))->capture_default_str();
    add_reload_options(*sub, settings);
  }
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  if (const auto log = set_up_log(settings); !log.ok()) return complain(2, log.error().message);
  const CLI::App& chosen = *app.get_subcommands().front();
  // Nothing said is not the same as an empty value, which would take the place of what is stored.
  if (chosen.get_name() == "store" && !wish.remove && chosen.count("value") == 0)
    return complain(2, "store: the value is missing (peerscope reload store TARGET VALUE; '' stores an empty one)");
  return Client(settings, std::move(wish)).run(chosen.get_name());
}

}  // namespace peerscope::cli
