// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/replay/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

#include "harness/check.h"
#include "harness/engine/evidence.h"
#include "harness/engine/neighbours.h"
#include "harness/engine/party.h"
#include "harness/engine/survey.h"
#include "harness/replay/conclusion.h"
#include "harness/replay/neighbour_replay.h"
#include "harness/replay/places.h"
#include "harness/scenario/expression.h"
#include "protocols/base/json_index.h"
#include "protocols/base/source.h"

namespace peerscope::harness {

std::string splice(std::string_view bytes, std::vector<Edit> edits) {
  std::sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.offset < b.offset; });
  std::string out;
  std::size_t at = 0;
  for (const Edit& edit : edits) {
    if (edit.offset < at || edit.offset > bytes.size()) continue;
    out += bytes.substr(at, edit.offset - at);
    out += edit.text;
    at = std::min<std::size_t>(edit.offset + edit.length, bytes.size());
  }
  out += bytes.substr(at);
  return out;
}

std::string side_by_side(const std::string& left, const std::string& right, std::size_t width) {
  const auto split = [](const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  };
  const std::vector<std::string> a = split(left);
  const std::vector<std::string> b = split(right);
  constexpr std::size_t kMostLines = 1500;  // the table below is quadratic
  if (a.size() > kMostLines || b.size() > kMostLines)
    return fmt::format("(too long to show: {} and {} lines)\n", a.size(), b.size());
  // Longest common subsequence, from the end.
  std::vector<std::vector<std::uint16_t>> best(a.size() + 1, std::vector<std::uint16_t>(b.size() + 1, 0));
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;)
      best[i][j] =
          static_cast<std::uint16_t>(a[i] == b[j] ? best[i + 1][j + 1] + 1 : std::max(best[i + 1][j], best[i][j + 1]));
  }
  std::string out;
  std::vector<std::string> equal;
  const auto row = [&](char mark, const std::string& x, const std::string& y) {
    out += fmt::format("{} {:<{}} {}\n", mark, x.size() > width ? x.substr(0, width - 1) + "~" : x, width, y);
  };
  const auto flush = [&](bool last) {
    constexpr std::size_t kContext = 3;
    for (std::size_t k = 0; k < equal.size(); ++k) {
      const bool near_before = k < kContext && !out.empty();
      const bool near_after = !last && k + kContext >= equal.size();
      if (near_before || near_after)
        row(' ', equal[k], equal[k]);
      else if (k == (out.empty() ? 0 : kContext))
        out += "  ...\n";
    }
    equal.clear();
  };
  for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      equal.push_back(a[i]);
      ++i, ++j;
    } else {
      flush(false);
      // A changed line stands beside its new form.
      const bool changed = i < a.size() && j < b.size() && best[i + 1][j + 1] == best[i][j];
      if (changed)
        row('*', a[i++], b[j++]);
      else if (j >= b.size() || (i < a.size() && best[i + 1][j] >= best[i][j + 1]))
        row('*', a[i++], "");
      else
        row('*', "", b[j++]);
    }
  }
  flush(true);
  return out;
}

namespace {

std::string host_of(std::string_view endpoint) {
  std::string_view host = endpoint.substr(0, endpoint.rfind(':'));
  if (host.size() > 1 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return std::string(host);
}

// Values that must be mapped, old and new, in both directions.
class Binding {
 public:
  explicit Binding(Random& random) : random_(random) {}

  // New values for a captured message that is played.
  std::string forward(const Message& message) {
    std::vector<Edit> edits;
    for (const Event& event : message.events) {
      if (!event.has_text || event.unknown || event.field->type != Type::kString) continue;
      const std::string old(event.text);
      std::string fresh;
      if (event.field->replay == Replay::kExchangeId) {
        fresh = exchange_[old].empty() ? fmt::format("r-{:012x}", random_() & 0xffffffffffff) : exchange_[old];
        remember(exchange_, old, fresh);
      } else if (event.field->replay == Replay::kPartyId) {
        fresh = alias(old);
      } else if (event.field->replay == Replay::kAddress && addresses_.contains(old)) {
        fresh = addresses_.at(old);
      } else {
        continue;
      }
      edits.push_back({event.offset, event.length, json_quote(fresh)});
    }
    return splice(message.view(), std::move(edits));
  }

  // The capture's value for a live one; unknown values stay.
  std::string back(const Event& event) const {
    const std::string value(event.text);
    const auto& map = event.field->replay == Replay::kExchangeId ? exchange_back_
                      : event.field->replay == Replay::kPartyId  ? party_back_
                                                                 : empty_;
    const auto found = map.find(value);
    return found == map.end() ? value : found->second;
  }

  // A text that speaks of live parties, in the capture's terms.
  std::string back_text(std::string text) const {
    for (const auto& [fresh, old] : party_back_) {
      for (std::size_t at = 0; (at = text.find(fresh, at)) != std::string::npos; at += old.size())
        text.replace(at, fresh.size(), old);
    }
    return text;
  }

  void address(const std::string& captured, const std::string& live) { addresses_[captured] = live; }
  // A request repeated with the same id in the capture is a repeat here too; a new use gets a new id.
  void forget_exchange(const std::string& old) { exchange_.erase(old); }

  std::string alias(const std::string& old) {
    auto& fresh = party_[old];
    if (fresh.empty()) {
      fresh = fmt::format("p-{:012x}", random_() & 0xffffffffffff);
      party_back_[fresh] = old;
    }
    return fresh;
  }

 private:
  void remember(std::map<std::string, std::string>& map, const std::string& old, const std::string& fresh) {
    map[old] = fresh;
    exchange_back_[fresh] = old;
  }
  Random& random_;
  std::map<std::string, std::string> exchange_;
  std::map<std::string, std::string> exchange_back_;
  std::map<std::string, std::string> party_;
  std::map<std::string, std::string> party_back_;
  std::map<std::string, std::string> addresses_;
  const std::map<std::string, std::string> empty_;
};

// A message as lines "path=value" in which list elements are named by their first text instead of their position, so
// that order does not count. Values of classes that differ from run to run are left out; their presence stays.
struct Canonical {
  std::map<std::string, std::string> lines;  // path -> value
  std::map<std::string, bool> mandatory;     // path -> of every message of this kind
};

Canonical canonical(const Message& message, const Binding* binding, const std::vector<FieldPlace>& places) {
  Canonical out;
  std::vector<std::string> paths(message.events.size());
  for (std::uint32_t i = 0; i < message.events.size(); ++i) {
    const Event& event = message.events[i];
    if (event.unknown) continue;
    std::string step = event.field->name;
    if (event.key != nullptr) step += "[" + std::string(event.label) + "]";
    if (event.index >= 0) {
      std::string key;
      for (std::uint32_t k = i + 1; k < event.end && key.empty(); k = std::max(message.events[k].end, k + 1)) {
        const Event& child = message.events[k];
        if (child.has_text && !child.unknown && child.field->type == Type::kString)
          key = binding != nullptr ? binding->back(child) : std::string(child.text);
      }
      step += "[" + (key.empty() ? std::to_string(event.index) : key) + "]";
    }
    paths[i] = event.parent == Event::kNoParent ? step : paths[event.parent] + "." + step;
    std::string value;
    if (event.has_text)
      value = binding != nullptr ? binding->back(event) : std::string(event.text);
    else if (event.has_number)
      value = std::to_string(event.number);
    const Replay replay = event.field->replay;
    if (replay == Replay::kAddress || replay == Replay::kTime || replay == Replay::kOrdering ||
        replay == Replay::kDerived || replay == Replay::kNonce || replay == Replay::kSignature)
      value = "(any)";
    out.lines[paths[i]] = value;
    bool needed = true;
    for (const FieldPlace& place : places) {
      const bool same_parent = event.parent == Event::kNoParent || place.depth == event.depth;
      if (place.field == event.field && same_parent && !place.mandatory) needed = false;
    }
    if (event.parent != Event::kNoParent) needed = needed && out.mandatory[paths[event.parent]];
    // A list of things is content, whether or not it has to be there.
    if (event.field->type == Type::kGroup && event.index >= 0) needed = true;
    out.mandatory[paths[i]] = needed;
  }
  return out;
}

std::string mapped_tree(const Message& message, const Binding& binding) {
  // The live message with the capture's ids, so that both sides read alike.
  std::vector<Event> events = message.events;
  std::vector<std::string> texts(events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (!events[i].has_text || events[i].unknown) continue;
    texts[i] = binding.back(events[i]);
    events[i].text = texts[i];
  }
  return print_tree(events);
}

double entropy(std::string_view text) {
  std::map<char, int> counts;
  for (const char c : text) ++counts[c];
  double bits = 0;
  for (const auto& [c, n] : counts) {
    const double p = static_cast<double>(n) / static_cast<double>(text.size());
    bits -= p * std::log2(p);
  }
  return bits * static_cast<double>(text.size());
}

// Values that one side made up and the other sends later, without a class that would rebind them.
std::vector<std::string> unbound(const std::vector<CapturedMessage>& messages, bool play_client) {
  constexpr std::size_t kShortest = 8;
  constexpr double kLeastBits = 20;
  std::map<std::string, std::pair<std::string, std::uint64_t>> theirs;
  std::set<std::string> ours;
  std::vector<std::string> out;
  for (const CapturedMessage& captured : messages) {
    const bool played = (captured.message->direction == Direction::kRequest) == play_client;
    for (const Event& event : captured.message->events) {
      // A directory's names are looked up in the live one.
      const bool known =
          !event.unknown && (event.field->replay != Replay::kPayload || !event.field->vocabulary.empty() ||
                             survey_kind(*captured.protocol) != nullptr);
      if (!event.has_text || known) continue;
      std::string value(event.text);
      if (event.unknown && value.size() > 1 && value.front() == '"') value = value.substr(1, value.size() - 2);
      if (value.size() < kShortest || entropy(value) < kLeastBits) continue;
      const std::string name = event.unknown ? std::string(event.label) : std::string(event.field->filter);
      if (!played) {
        if (!ours.contains(value)) theirs.try_emplace(value, name, captured.message->frame);
      } else if (const auto found = theirs.find(value); found != theirs.end()) {
        out.push_back(
            fmt::format("unbound correlation: {} \"{}\" in frame {} came from the other side ({} in frame {}) and has "
                        "no replay class; it is sent as captured",
                        name, value, captured.message->frame, found->second.first, found->second.second));
        theirs.erase(found);
      } else {
        ours.insert(value);
      }
    }
  }
  return out;
}

// A party that came to a group or left it while another request was on its way.
struct Race {
  std::string party;
  std::string group;
};

std::vector<Race> races_of(const CapturedMessage& captured) {
  std::vector<Race> out;
  if (captured.protocol->memberships == nullptr) return out;
  for (const Event& event : captured.message->events) {
    if (event.unknown || event.field->replay != Replay::kPartyId || event.depth != 1) continue;
    for (const Membership& one : captured.protocol->memberships(*captured.message))
      out.push_back({std::string(event.text), std::string(one.group)});
  }
  return out;
}

// By request: what happened between its first byte and its answer, or had begun before and was not answered yet.
std::map<std::size_t, std::vector<Race>> find_races(const std::vector<CapturedMessage>& messages) {
  constexpr std::size_t kMostOpen = 64;  // requests without an answer would make this quadratic
  std::map<std::size_t, std::vector<Race>> out;
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].message->direction != Direction::kRequest) {
      std::erase(open, messages[i].request);
      continue;
    }
    const std::vector<Race> own = races_of(messages[i]);
    for (const std::size_t other : open) {
      for (const Race& race : own) out[other].push_back(race);
      for (const Race& race : races_of(messages[other])) out[i].push_back(race);
    }
    if (open.size() == kMostOpen) open.erase(open.begin());
    open.push_back(i);
  }
  return out;
}

class Player {
 public:
  Player(const std::vector<CapturedMessage>& messages, Iut& iut, const ReplayOptions& options)
      : messages_(messages),
        iut_(iut),
        options_(options),
        random_(options.seed),
        binding_(random_),
        evidence_(options.evidence_path) {
    result_.attempt.scenario = "replay";
    result_.attempt.seed = options.seed;
    result_.attempt.evidence = options.evidence_path;
    result_.attempt.verdict = Verdict::kPass;
  }

  ReplayResult run() {
    result_.warnings = unbound(messages_, options_.play_client);
    races_ = find_races(messages_);
    for (const CapturedMessage& captured : messages_) {
      const bool request = captured.message->direction == Direction::kRequest;
      if (request != options_.play_client) continue;
      ++result_.playable;
      if (!captured.message->issues.empty() &&
          (captured.message->has(Shape::kMalformed) || captured.message->has(Shape::kCutShort))) {
        result_.warnings.push_back(
            fmt::format("frame {} could not be decoded; it is sent as captured", captured.message->frame));
      }
    }
    if (result_.playable == 0) {
      stop(Verdict::kBlocked, "the capture has no message of the party to play");
    } else if (options_.play_client) {
      play_client();
    } else {
      play_server();
    }
    const std::lock_guard lock(secrets_mutex_);
    conclude(result_, evidence_, secrets_, clock_);
    return std::move(result_);
  }

 private:
  bool stop(Verdict verdict, const std::string& reason) { return harness::stop(result_.attempt, verdict, reason); }

  void pause(std::int64_t time_ns) {
    if (options_.original_timing && last_ns_ != 0 && time_ns > last_ns_) {
      const double gap = std::min(static_cast<double>(time_ns - last_ns_) / 1e9, options_.gap_max);
      std::this_thread::sleep_for(std::chrono::duration<double>(gap));
    }
    last_ns_ = time_ns;
  }

  net::KeyLogSink key_log() {
    return [this](std::string_view line) {
      const std::lock_guard lock(secrets_mutex_);
      secrets_.emplace_back(line);
    };
  }

  // The captured answer to message `request`, or null.
  const CapturedMessage* answer_to(std::size_t request) const {
    for (std::size_t i = request + 1; i < messages_.size(); ++i) {
      if (messages_[i].request == request) return &messages_[i];
    }
    return nullptr;
  }

  void judge(const Protocol& protocol, const Message& message, const Message* request, const std::string& where) {
    auto& session = sessions_[&protocol];
    if (!session) session = protocol.make_session();
    std::vector<Finding> findings;
    run_checks(protocol, {message, request, session.get()}, {}, findings);
    protocol.track(*session, message, request);
    for (const Finding& finding : findings) {
      RuleHit hit;
      hit.rule = finding.rule;
      hit.verdict = verdict_of(finding);
      hit.detail = binding_.back_text(finding.detail);
      hit.where = where;
      hit.listed = true;
      hit.frame = evidence_.next();
      hit.offset = finding.offset;
      hit.length = finding.length;
      if (hit.verdict >= Verdict::kWarn)
        comment_ += fmt::format("{}{} {} ({}, replay of {}): {}", comment_.empty() ? "" : "\n", hit.rule->id,
                                to_string(hit.verdict), source_text_of(*hit.rule), where, hit.detail);
      result_.attempt.hits.push_back(std::move(hit));
    }
  }

  // A party that the live answer still lists and the captured one does not, that had been silent in the capture for
  // much longer than it is here: the capture's server may have forgotten it by a timer that had no time to run out
  // here.
  bool only_time_explains(const std::string& path, const CapturedMessage& expected) {
    if (options_.original_timing || path.empty() || path.back() != ']') return false;
    const std::size_t open = path.rfind('[');
    const std::string party = path.substr(open + 1, path.size() - open - 2);
    const auto seen = last_seen_.find(party);
    if (seen == last_seen_.end()) return false;
    // One that said goodbye is gone at once, whatever the timers are.
    for (const std::string& group : left_[party]) {
      if (path.find("[" + group + "]") != std::string::npos) return false;
    }
    const double then = static_cast<double>(expected.message->time_ns - seen->second.captured_ns) / 1e9;
    const double now = std::chrono::duration<double>(std::chrono::steady_clock::now() - seen->second.live).count();
    constexpr double kShortestTimer = 1;
    if (then < kShortestTimer || now > then * 0.8) return false;
    result_.warnings.push_back(
        fmt::format("frame {}: {} is still listed; in the capture it had been silent for {:.1f} s and may have been "
                    "forgotten by a timer, here it was silent for {:.1f} s (judge it with --timing original)",
                    expected.message->frame, party, then, now));
    return true;
  }

  // What the captured server knew from before the capture, no replay can bring about: parties that it lists and that
  // send nothing in the capture, and groups that the asker is in without having come to them.
  bool only_history_explains(const std::string& path, const Canonical& side, const CapturedMessage& expected) {
    if (expected.request == CapturedMessage::kNone) return false;
    const Message& request = *messages_[expected.request].message;
    const auto names = [&](std::string_view part, std::string_view name) {
      return part.find(fmt::format("[{}]", name)) != std::string_view::npos;
    };
    const auto stranger = [&](std::string_view part) {
      return std::any_of(expected.message->events.begin(), expected.message->events.end(), [&](const Event& event) {
        return !event.unknown && event.field->replay == Replay::kPartyId &&
               !speakers_.contains(std::string(event.text)) && names(part, event.text);
      });
    };
    bool excused = stranger(path);
    // A group of nothing but such parties.
    bool only_strangers = false;
    const std::string below = path + ".";
    for (auto it = side.lines.upper_bound(below); it != side.lines.end() && it->first.starts_with(below); ++it) {
      if (it->first.find('[', below.size()) == std::string::npos) continue;
      only_strangers = stranger(it->first);
      if (!only_strangers) break;
    }
    excused = excused || only_strangers;
    for (const Race& own : groups_of(request)) {
      const auto speaker = speakers_.find(own.party);
      excused =
          excused || (names(path, own.group) && speaker != speakers_.end() && !speaker->second.contains(own.group));
    }
    if (excused)
      result_.warnings.push_back(
          fmt::format("frame {}: {} differs; it stems from before the capture, which no replay can repeat",
                      expected.message->frame, path));
    return excused;
  }

  // The groups that a request speaks of, whether or not it comes to them.
  static std::vector<Race> groups_of(const Message& request) {
    std::string party;
    std::vector<Race> out;
    for (const Event& event : request.events) {
      if (event.unknown || !event.has_text) continue;
      if (event.field->replay == Replay::kPartyId && event.depth == 1) party = event.text;
    }
    for (const Event& event : request.events) {
      if (!event.unknown && event.has_text && event.field->replay == Replay::kPayload && !party.empty())
        out.push_back({party, std::string(event.text)});
    }
    return out;
  }

  // Whether the capture's answer lists a party that came or went while its request was on the way was chance there:
  // the server was free to take either request first. Here they come one after the other.
  bool only_order_explains(const std::string& path, const Canonical& side, const CapturedMessage& expected) {
    const auto found = races_.find(expected.request);
    if (found == races_.end()) return false;
    const auto raced = [&](const std::string& element) {
      return std::any_of(found->second.begin(), found->second.end(), [&](const Race& race) {
        return element.ends_with("[" + race.party + "]") && element.find("[" + race.group + "]") != std::string::npos;
      });
    };
    bool excused = raced(path);
    std::string inside;
    if (!excused) {  // a group of nothing but such parties
      for (auto it = side.lines.upper_bound(path + "."); it != side.lines.end() && it->first.starts_with(path + ".");
           ++it) {
        if (!it->first.ends_with("]") || (!inside.empty() && it->first.starts_with(inside + "."))) continue;
        if (!raced(it->first)) return false;
        inside = it->first;
        excused = true;
      }
    }
    if (excused) {
      result_.warnings.push_back(
          fmt::format("frame {}: {} differs; in the capture that party came or left at the same moment, so either list "
                      "is right",
                      expected.message->frame, path));
    }
    return excused;
  }

  void compare(const Protocol& protocol, const CapturedMessage& expected, const Message& seen, int status,
               const std::string& summary) {
    ++result_.compared;
    const std::vector<FieldPlace> places = protocol.fields();
    const Canonical want = canonical(*expected.message, nullptr, places);
    const Canonical have = canonical(seen, &binding_, places);
    std::string what;
    bool mandatory = false;
    int told = 0;
    const auto add = [&](const std::string& line, bool needed) {
      mandatory = mandatory || needed;
      if (++told <= 5) what += (what.empty() ? "" : "; ") + line;
    };
    const bool status_differs = expected.message->transport.status != 0 && status != expected.message->transport.status;
    if (status_differs)
      add(fmt::format("HTTP status: expected {}, seen {}", expected.message->transport.status, status), true);
    std::string inside;  // a missing group is told once, not once per member
    for (const auto& [path, value] : want.lines) {
      if (!inside.empty() && path.starts_with(inside + ".")) continue;
      const auto found = have.lines.find(path);
      if ((found == have.lines.end() || found->second != value) && only_history_explains(path, want, expected)) {
        inside = path;
        continue;
      }
      if (found == have.lines.end() && only_order_explains(path, want, expected)) {
        inside = path;
        continue;
      }
      if (found == have.lines.end())
        add(fmt::format("{}: expected{}, seen nothing", path, value.empty() ? " it" : " " + value),
            want.mandatory.at(path)),
            inside = path;
      else if (found->second != value)
        add(fmt::format("{}: expected {}, seen {}", path, value, found->second), want.mandatory.at(path));
    }
    inside.clear();
    for (const auto& [path, value] : have.lines) {
      if (!inside.empty() && path.starts_with(inside + ".")) continue;
      if (!want.lines.contains(path) &&
          (only_time_explains(path, expected) || only_order_explains(path, have, expected))) {
        inside = path;
        continue;
      }
      if (!want.lines.contains(path))
        add(fmt::format("{}: expected nothing, seen{}", path, value.empty() ? " it" : " " + value),
            have.mandatory.at(path)),
            inside = path;
    }
    if (what.empty()) return;
    if (told > 5) what += fmt::format("; and {} more", told - 5);
    diverge(expected, seen, what, mandatory ? Verdict::kFail : Verdict::kWarn, summary);
  }

  void diverge(const CapturedMessage& expected, const Message& seen, const std::string& what, Verdict verdict,
               const std::string& summary) {
    Divergence divergence;
    divergence.frame = expected.message->frame;
    divergence.evidence_frame = evidence_.next();
    divergence.summary = summary;
    divergence.what = what;
    divergence.expected = print_tree(expected.message->events);
    divergence.seen = seen.events.empty() ? std::string(seen.view().substr(0, 400)) : mapped_tree(seen, binding_);
    divergence.verdict = verdict;
    comment_ +=
        fmt::format("{}differs from frame {} of the capture: {}", comment_.empty() ? "" : "\n", divergence.frame, what);
    result_.divergences.push_back(std::move(divergence));
  }

  // The rules that captured answers break themselves: what they say is no reference.
  void find_unfit() {
    for (const MessageFindings& row : check_messages(messages_).messages) {
      for (const RuleHit& hit : row.hits) {
        if (hit.verdict >= Verdict::kFail) unfit_.try_emplace(row.message, hit.rule->id);
      }
    }
  }

  // Who speaks in the capture, and which groups each was seen to come to.
  void find_speakers() {
    for (const CapturedMessage& captured : messages_) {
      if (captured.message->direction != Direction::kRequest) continue;
      for (const Event& event : captured.message->events) {
        if (event.unknown || event.field->replay != Replay::kPartyId || event.depth != 1) continue;
        auto& groups = speakers_[std::string(event.text)];
        if (captured.protocol->memberships == nullptr) continue;
        for (const Membership& one : captured.protocol->memberships(*captured.message)) {
          if (one.present) groups.emplace(one.group);
        }
      }
    }
  }

  // A captured request's sender, under its own address where that is possible.
  ClientParty& party_of(const CapturedMessage& captured, const net::Url& url) {
    const std::string captured_host = host_of(captured.message->source);
    // On loopback every captured client can have its own address again; elsewhere all come from this host.
    const bool same_address = captured_host.starts_with("127.") && url.host.starts_with("127.");
    if (!same_address) binding_.address(captured_host, url.host.find(':') != std::string::npos ? "::1" : "127.0.0.1");
    auto& party = parties_[captured.message->source];
    if (!party) {
      ClientParty::Options client;
      client.url = url;
      client.ca_file = iut_.file().ca_file;
      if (same_address) client.local_address = captured_host;
      client.seconds = options_.answer_within * options_.time_scale;
      client.credentials = {iut_.file().user, iut_.file().password, iut_.file().token};
      client.key_log = key_log();
      party = std::make_unique<ClientParty>(captured.message->source, captured.message->source, std::move(client));
    }
    return *party;
  }

  // When a party spoke last, and which groups it left.
  void note_sender(const CapturedMessage& captured) {
    for (const Event& event : captured.message->events) {
      if (event.unknown || event.field->replay != Replay::kPartyId || event.depth != 1) continue;
      const std::string name(event.text);
      last_seen_[name] = {captured.message->time_ns, std::chrono::steady_clock::now()};
      if (captured.protocol->memberships == nullptr) continue;
      for (const Membership& one : captured.protocol->memberships(*captured.message)) {
        if (one.present)
          left_[name].erase(std::string(one.group));
        else
          left_[name].emplace(one.group);
      }
    }
  }

  // The request of a server without a directory: to the IUT's one URL, with what must be renewed.
  Exchange plain_exchange(const CapturedMessage& captured, const net::Url& url) {
    const Protocol& protocol = *captured.protocol;
    const std::string id(protocol.exchange_id(*captured.message));
    const std::string content(captured.message->view());
    // An exchange id that the capture uses again for other content is a new exchange here.
    if (const auto before = sent_.find(id); before != sent_.end() && before->second != content)
      binding_.forget_exchange(id);
    sent_[id] = content;
    Exchange exchange;
    exchange.url = url;
    exchange.http.method = captured.http_request.method.empty() ? "POST" : captured.http_request.method;
    exchange.http.target = url.target;
    exchange.http.headers.add("Accept", protocol.media_types.front());
    exchange.http.body = binding_.forward(*captured.message);
    return exchange;
  }

  // The request as it goes out; nothing when the live server has no place for it.
  std::optional<Exchange> compose(const CapturedMessage& captured, const CapturedMessage* expected, const net::Url& url,
                                  bool& stream) {
    const Protocol& protocol = *captured.protocol;
    Exchange exchange;
    if (places_) {
      std::string reason;
      auto place = places_->find(captured, expected != nullptr ? expected->message.get() : nullptr, reason);
      if (!place) {
        result_.warnings.push_back(fmt::format("frame {} is not played: {}", captured.message->frame, reason));
        ++not_offered_;
        return std::nullopt;
      }
      stream = place->stream;
      exchange.url = place->url;
      exchange.http.method = captured.message->type == nullptr ? "GET" : "POST";
      exchange.http.target = place->url.target;
      exchange.http.headers.add("Accept", place->accept);
      exchange.http.headers.add("Accept-Encoding", "identity");
      exchange.http.body = std::move(place->body);
    } else {
      exchange = plain_exchange(captured, url);
    }
    exchange.http.headers.add("Host", exchange.url.authority());
    if (!exchange.http.body.empty())
      exchange.http.headers.add("Content-Type",
                                captured.http_request.headers.get("Content-Type", protocol.media_types.front()));
    exchange.message = decode_request(protocol, exchange.http, security_of(exchange.url));
    exchange.message->source = captured.message->source;
    return exchange;
  }

  static Transport::Security security_of(const net::Url& url) {
    return url.tls() ? Transport::Security::kTls : Transport::Security::kClear;
  }

  // Sends and waits for the answer; of a stream, for as many events as the capture's answer had.
  net::Result<ClientParty::Answer> ask(ClientParty& party, Exchange exchange, const CapturedMessage* expected,
                                       bool stream) {
    const Protocol& protocol = *expected_protocol(expected, exchange);
    const MessagePtr request = exchange.message;
    const net::HttpRequest http = exchange.http;
    if (stream) {
      auto answer = party.open(std::move(exchange));
      evidence_.add(http, party.connection(), true, "");
      if (answer) read_stream(party, *answer, expected);
      return answer;
    }
    const auto delivered = party.send(std::move(exchange), {}, true);
    evidence_.add(http, party.connection(), true, "");
    if (!delivered) return delivered.error();
    if (auto& session = sessions_[&protocol]; !session) session = protocol.make_session();
    protocol.track(*sessions_[&protocol], *request, nullptr);
    return party.receive();
  }
  const Protocol* expected_protocol(const CapturedMessage* expected, const Exchange&) const {
    return expected != nullptr ? expected->protocol : messages_.front().protocol;
  }

  // A stream that the capture shows without an end is left after its first piece.
  void read_stream(ClientParty& party, ClientParty::Answer& answer, const CapturedMessage* expected) {
    const std::size_t wanted = expected != nullptr ? expected->message->parts.size() : 1;
    constexpr std::size_t kLargest = 32 << 20;
    constexpr double kQuiet = 1;  // seconds without a piece: what comes later depends on what the server's data does
    while (answer.http.body.size() < kLargest) {
      auto piece = party.more(std::min(kQuiet * options_.time_scale, options_.answer_within));
      if (!piece) break;
      answer.http.body += *piece;
      const MessagePtr so_far =
          decode_response(*messages_.front().protocol, answer.http, Transport::Security::kUnknown);
      if (so_far->parts.size() >= wanted) break;
    }
    party.close();
  }

  std::string summary_of(const CapturedMessage& request, const CapturedMessage* expected) const {
    if (request.message->type == nullptr && places_ && expected != nullptr)
      return "GET of " + expected->protocol->summary(*expected->message, nullptr);
    return request.protocol->summary(*request.message, nullptr);
  }

  // False: the rest is not played.
  bool no_answer(const CapturedMessage& captured, const CapturedMessage* expected, const net::Error& error,
                 const std::string& summary) {
    for (int k = 0; k < 20 && iut_.file().started_here() && iut_.gone().empty(); ++k)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const std::string gone = iut_.gone();
    const std::string text = fmt::format("frame {}: no answer to {}: {}{}", captured.message->frame, summary,
                                         error.message, gone.empty() ? "" : "; the implementation under test " + gone);
    // What nobody answered in the capture need not be answered here.
    if (expected == nullptr && gone.empty()) {
      result_.warnings.push_back(text);
      return true;
    }
    const bool silent = error.kind == net::ErrorKind::kTimeout || error.kind == net::ErrorKind::kMalformed ||
                        error.kind == net::ErrorKind::kTooLarge;
    return stop(!gone.empty() || silent ? Verdict::kFail : Verdict::kInconclusive, text);
  }

  // Fetches the live directory and what it leads to, as a client of its own.
  std::string learn_places(const Protocol& protocol, const net::Url& url) {
    ClientParty::Options client;
    client.url = url;
    client.ca_file = iut_.file().ca_file;
    client.seconds = options_.answer_within * options_.time_scale;
    client.credentials = {iut_.file().user, iut_.file().password, iut_.file().token};
    client.key_log = key_log();
    ClientParty party("survey", "survey", std::move(client));
    places_.emplace();
    return places_->learn(protocol, url, iut_.file().data, [&](const Survey::Fetch& fetch) -> MessagePtr {
      Exchange exchange;
      exchange.url = fetch.url;
      exchange.http.method = "GET";
      exchange.http.target = fetch.url.target;
      exchange.http.headers.add("Host", fetch.url.authority());
      exchange.http.headers.add("Accept", fetch.accept);
      exchange.http.headers.add("Accept-Encoding", "identity");
      exchange.message = decode_request(protocol, exchange.http, security_of(fetch.url));
      const MessagePtr request = exchange.message;
      auto answer = ask(party, std::move(exchange), nullptr, false);
      if (!answer) return nullptr;
      MessagePtr message = decode_response(protocol, answer->http, security_of(fetch.url));
      message->source = "iut";
      judge(protocol, *message, request.get(), "the survey");
      evidence_.add(answer->http, answer->connection, false, std::exchange(comment_, ""));
      return message;
    });
  }

  void play_client() {
    const auto url = net::Url::parse(iut_.url());
    if (!url) return void(stop(Verdict::kError, url.error().message));
    find_unfit();
    find_speakers();
    if (survey_kind(*messages_.front().protocol) != nullptr) {
      if (const std::string error = learn_places(*messages_.front().protocol, *url); !error.empty())
        return void(stop(Verdict::kBlocked, error));
      same_data_ = std::any_of(messages_.begin(), messages_.end(), [&](const CapturedMessage& captured) {
        return captured.message->direction == Direction::kResponse && places_->same_data(*captured.message);
      });
    }
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      if (messages_[i].message->direction != Direction::kRequest) continue;
      pause(messages_[i].message->time_ns);
      const std::size_t before = result_.divergences.size();
      if (!play_request(i, *url)) return;
      if (options_.stop_at_divergence && result_.divergences.size() > before) return;
    }
    if (result_.played == 0 && not_offered_ > 0)
      stop(Verdict::kNotApplicable, "the implementation under test offers nothing of what the capture asks for");
  }

  // False: the rest is not played.
  bool play_request(std::size_t number, const net::Url& url) {
    const CapturedMessage& captured = messages_[number];
    const CapturedMessage* expected = answer_to(number);
    const std::string summary = summary_of(captured, expected);
    note_sender(captured);
    ClientParty& party = party_of(captured, url);
    bool stream = false;
    auto exchange = compose(captured, expected, url, stream);
    if (!exchange) return true;
    const MessagePtr request = exchange->message;
    const Transport::Security security = security_of(exchange->url);
    ++result_.played;
    auto answer = ask(party, std::move(*exchange), expected, stream);
    if (!answer) return no_answer(captured, expected, answer.error(), summary);
    MessagePtr response = decode_response(*captured.protocol, answer->http, security);
    response->source = "iut";
    if (belongs_to(*captured.protocol, *response) || answer->http.status / 100 == 2)
      judge(*captured.protocol, *response, request.get(), fmt::format("frame {}", captured.message->frame));
    if (expected != nullptr) weigh(*expected, *request, *response, answer->http.status, summary);
    evidence_.add(answer->http, answer->connection, false, comment_);
    comment_.clear();
    return true;
  }

  // Against the captured answer, as far as that can be a reference.
  void weigh(const CapturedMessage& expected, const Message& request, const Message& response, int status,
             const std::string& summary) {
    const auto index = static_cast<std::size_t>(&expected - messages_.data());
    if (const auto unfit = unfit_.find(index); unfit != unfit_.end()) {
      result_.warnings.push_back(fmt::format("frame {}: the captured answer breaks {}; nothing is compared with it",
                                             expected.message->frame, unfit->second));
      return;
    }
    if (const std::string doubt =
            places_ ? places_->doubt(*messages_[expected.request].message, *expected.message) : "";
        !doubt.empty()) {
      result_.warnings.push_back(
          fmt::format("frame {}: nothing is compared with the captured answer: {}", expected.message->frame, doubt));
      return;
    }
    if (!places_ || (same_data_ && !Places::is_directory(*expected.message)))
      return compare(*expected.protocol, expected, response, status, summary);
    // Other data: what kind of answer it is, and whether it is true to the server's own data.
    ++result_.compared;
    std::string what;
    const int wanted = expected.message->transport.status;
    if (wanted != 0 && wanted != status) what = fmt::format("HTTP status: expected {}, seen {}", wanted, status);
    if (what.empty() && expected.message->type != response.type)
      what = fmt::format("expected {}, seen {}", expected.protocol->summary(*expected.message, nullptr),
                         expected.protocol->summary(response, nullptr));
    if (what.empty()) what = places_->disagreement(request, response);
    if (!what.empty()) diverge(expected, response, what, Verdict::kFail, summary);
  }

  // The captured answer to the next captured request of the same message, at the same place where there are several. A
  // resource that is asked for more often than in the capture gives what it gave last.
  const CapturedMessage* next_answer(const Message& request, bool& repeated) {
    const std::string& target = request.transport.target;
    const bool listed = std::find(targets_.begin(), targets_.end(), target) != targets_.end();
    const CapturedMessage* last = nullptr;
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      const Message& captured = *messages_[i].message;
      if (captured.direction != Direction::kRequest || captured.type != request.type) continue;
      // Who asks for what nobody lists asks for the directory.
      if (listed && targets_[i] != target) continue;
      const CapturedMessage* answer = answer_to(i);
      if (answer == nullptr) continue;
      if (!listed && !targets_.empty() && !Places::is_directory(*answer->message)) continue;
      if (!used_.insert(i).second) {
        last = answer;
        continue;
      }
      return answer;
    }
    repeated = last != nullptr && !targets_.empty();
    return repeated ? last : nullptr;
  }

  // A captured answer to the request at hand: its id, and links that lead here.
  net::HttpResponse as_now(const CapturedMessage& captured, const Message& request, const std::string& origin) const {
    const Protocol& protocol = *captured.protocol;
    const Message& message = *captured.message;
    net::HttpResponse response;
    response.status = message.transport.status != 0 ? message.transport.status : 200;
    response.headers.set("Content-Type",
                         captured.http_response.headers.get("Content-Type", protocol.media_types.front()));
    std::vector<Edit> edits;
    for (const Event& event : message.events) {
      if (event.unknown || event.inner || !event.has_text) continue;
      if (event.field->replay == Replay::kExchangeId)
        edits.push_back({event.offset, event.length, json_quote(protocol.exchange_id(request))});
      const auto link = event.field->replay == Replay::kAddress ? net::Url::parse(std::string(event.text))
                                                                : net::Result<net::Url>(net::ErrorKind::kLocal, "");
      if (link) edits.push_back({event.offset, event.length, json_quote(origin + link->target)});
    }
    response.body = splice(message.view(), std::move(edits));
    return response;
  }

  // Answers each request of the IUT with the captured answer to the next captured request of the same message.
  void play_server() {
    const auto listen = net::Endpoint::parse(iut_.file().listen);
    if (!listen) return void(stop(Verdict::kError, listen.error().message));
    ServerParty server;
    if (auto started = server.start({*listen, iut_.file().scheme == "https", key_log()}); !started)
      return void(stop(Verdict::kError, started.error().message));
    std::map<std::string, std::string, std::less<>> variables;
    variables["url"] =
        fmt::format("{}://{}/", iut_.file().scheme, net::Endpoint{listen->address, server.port()}.to_string());
    variables["cafile"] = options_.work_directory + "/harness.pem";
    std::ofstream(variables["cafile"]) << server.certificate();
    const std::string origin = variables["url"].substr(0, variables["url"].size() - 1);
    if (!messages_.empty() && survey_kind(*messages_.front().protocol) != nullptr)
      targets_ = captured_targets(messages_);
    std::size_t left = 0;
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      const Message& message = *messages_[i].message;
      if (message.direction != Direction::kRequest || answer_to(i) == nullptr) continue;
      ++left;
      // What the captured client was (its swarm, its identity) is offered to the IUT's command line.
      for (const LaunchVariable& one : messages_[i].protocol->launch_variables) {
        const Event* event = one.field != nullptr ? message.first(*one.field) : nullptr;
        if (event != nullptr && event->has_text) variables.try_emplace(one.name, event->text);
      }
    }
    if (!messages_.empty()) {
      Variables names;
      names.random = &random_;
      for (const LaunchVariable& one : messages_.front().protocol->launch_variables)
        variables.try_emplace(one.name, expand(one.otherwise, names).text);
    }
    if (std::string error = iut_.start(variables); !error.empty()) return void(stop(Verdict::kBlocked, error));
    while (left > 0) {
      auto incoming = server.next(options_.answer_within * options_.time_scale);
      if (!incoming) {
        stop(result_.played == 0 ? Verdict::kInconclusive : Verdict::kWarn,
             fmt::format("{} of the captured requests were not sent by the implementation under test within {} s", left,
                         options_.answer_within));
        break;
      }
      const Protocol& protocol = *messages_.front().protocol;
      MessagePtr request = decode_request(
          protocol, incoming->http, incoming->connection.tls ? Transport::Security::kTls : Transport::Security::kClear);
      request->source = incoming->connection.remote.to_string();
      const std::string summary = protocol.summary(*request, nullptr);
      judge(protocol, *request, nullptr, summary);
      evidence_.add(incoming->http, incoming->connection, false, comment_);
      comment_.clear();
      bool repeated = false;
      const CapturedMessage* expected = next_answer(*request, repeated);
      if (expected == nullptr) {
        stop(Verdict::kWarn, fmt::format("the capture has no answer left for {}{}",
                                         request->type == nullptr ? request->transport.method + " " : "",
                                         request->type == nullptr ? request->transport.target : summary));
        break;
      }
      if (!repeated) --left;
      net::HttpResponse response = as_now(*expected, *request, origin);
      evidence_.add(response, incoming->connection, true, "");
      server.answer(*incoming, net::Reply(std::move(response)));
      ++result_.played;
      ++result_.compared;
    }
    // Answers travel on the server's thread; the IUT may still be reading the last one.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    iut_.stop();
    server.stop();
  }

  const std::vector<CapturedMessage>& messages_;
  Iut& iut_;
  const ReplayOptions& options_;
  Random random_;
  Binding binding_;
  Evidence evidence_;
  const ClockWatch clock_;
  ReplayResult result_;
  std::map<const Protocol*, std::unique_ptr<Session>> sessions_;
  std::mutex secrets_mutex_;
  std::vector<std::string> secrets_;
  std::string comment_;
  std::int64_t last_ns_ = 0;
  struct LastSeen {
    std::int64_t captured_ns;
    std::chrono::steady_clock::time_point live;
  };
  std::map<std::string, LastSeen> last_seen_;          // by the capture's party id
  std::map<std::string, std::set<std::string>> left_;  // groups that a party left, by the capture's party id
  std::map<std::size_t, std::vector<Race>> races_;     // by request
  std::map<std::size_t, std::string> unfit_;           // captured answers that break a rule, with its id
  std::map<std::string, std::set<std::string>> speakers_;
  std::map<std::string, std::unique_ptr<ClientParty>> parties_;  // by the capture's address
  std::map<std::string, std::string> sent_;                      // what was sent last under an exchange id
  std::optional<Places> places_;                                 // servers with a directory
  std::vector<std::string> targets_;  // as the server: of captured requests, with a directory
  std::set<std::size_t> used_;        // captured requests whose answer was given
  bool same_data_ = false;            // the live server has the capture's data
  std::size_t not_offered_ = 0;
};

}  // namespace

ReplayResult replay(const std::vector<CapturedMessage>& messages, Iut& iut, const ReplayOptions& options) {
  if (!messages.empty() && neighbour_rules(*messages.front().protocol) != nullptr)
    return replay_neighbour(messages, iut, options);
  const std::vector<CapturedMessage> all = with_gets(messages);
  return Player(all, iut, options).run();
}

}  // namespace peerscope::harness
