// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/overlay/parties.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <deque>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "harness/overlay/founding.h"
#include "harness/overlay/identity.h"
#include "harness/overlay/links.h"
#include "harness/overlay/office.h"
#include "harness/overlay/order.h"
#include "harness/overlay/signatures.h"
#include "harness/overlay/visits.h"
#include "protocols/ppstp/protocol.h"
#include "protocols/reload/envelope.h"
#include "protocols/reload/examination.h"
#include "protocols/reload/fragments.h"
#include "protocols/reload/ppsp_usage.h"
#include "protocols/reload/protocol.h"
#include "protocols/reload/security/text.h"
#include "protocols/reload/verification.h"

namespace peerscope::harness {
namespace {

using SteadyClock = std::chrono::steady_clock;
using reload::text::to_hex;

constexpr std::string_view kPartyVariables[] = {"id",   "user", "user_resource", "node_resource",
                                                "addr", "port", "hash",          "time"};
constexpr std::string_view kVariables[] = {"iut.id",
                                           "iut.next",
                                           "iut.resource",
                                           "iut.finger",
                                           "overlay.hash",
                                           "overlay.sequence",
                                           "overlay.max_size",
                                           "overlay.max_ttl",
                                           "now",
                                           "overlay.newer_document",
                                           "overlay.older_document",
                                           "overlay.next_document",
                                           "overlay.foreign_document",
                                           "overlay.strict_document",
                                           "kind.single",
                                           "kind.array",
                                           "kind.dictionary",
                                           "kind.node",
                                           "kind.multiple",
                                           "swarm.id",
                                           "swarm.resource",
                                           "swarm.hex",
                                           "kind.single_size",
                                           "kind.array_count"};
constexpr std::string_view kLinkKeys[] = {"sign_as",     "signature", "values_as", "values", "bucket",
                                          "transaction", "fragments", "order",     "frame",  "copies",
                                          "to",          "user",      "key",       "csr"};
constexpr std::string_view kEvents[] = {"configured", "enrolled", "issued", "refused", "failed"};
constexpr std::string_view kEnrollment = "enrollment";
constexpr std::string_view kOrders[] = {kEnrollment};
constexpr std::string_view kPartyKeys[] = {"key", "node_ids", "user", "certificate", "acknowledges", "near"};

constexpr double kLongestAnswer = 5;  // seconds: a tracker asks the overlay twice

struct Party {
  NodeIdentity identity;
  bool acknowledges = true;
  std::map<std::string, MessagePtr> asked;  // own requests by exchange
};

struct LinkState {
  std::string party;
  std::string peer;  // Node-ID of the other side, raw
  bool up = false;
  std::uint32_t next_sequence = 0;
  std::uint32_t newest = 0;  // frame that came
  std::uint64_t seen = 0;    // bit i: newest - i
  bool any = false;
};

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class Parties final : public Neighbours {
 public:
  explicit Parties(const Setting& setting) : setting_(setting), links_(setting.key_log) {}

  std::string prepare(Variables& variables) override {
    if (setting_.scenario.client) return found(variables);
    const std::string path = setting_.iut.expanded(setting_.iut.file().overlay_config);
    if (std::string error = overlay_.load(path); !error.empty()) return error;
    const auto endpoint = setting_.iut.endpoint();
    if (!endpoint.ok()) return endpoint.error().message;
    iut_ = *endpoint;
    expect_digest();
    if (std::string error = meet(); !error.empty()) return error;
    for (const std::string& name : setting_.scenario.party_names) {
      if (std::string error = add(name); !error.empty()) return error;
    }
    for (const auto& [name, party] : parties_) describe_party(name + ".", name, variables);
    describe_overlay(variables);
    return {};
  }

  void speak_as(const std::string& by, Variables& variables) const override {
    describe_party("self.", by, variables);
    // Parties that are to be near a joining node have their identities when that has linked.
    for (const std::string& name : late_) describe_party(name + ".", name, variables);
    describe_iut(variables);
    variables.values["now"] = std::to_string(now_ns() / 1'000'000);
  }

  Sent send(const Order& order, Outgoing& out, std::string& why) override {
    const auto at = parties_.find(order.by);
    if (at == parties_.end()) return why = "no party " + order.by, Sent::kBadOrder;
    Party& party = at->second;
    if (order.msg == kEnrollment) return enroll(order, why);
    if (message_named(ppstp::protocol(), order.msg) != nullptr) return visit(order, out, why);
    const int link = link_for(order, why);
    if (link == 0) return Sent::kNoLink;
    MessageOrder wanted;
    wanted.overlay = &overlay_;
    wanted.msg = order.msg;
    wanted.with = &order.with;
    wanted.link = &order.link;
    wanted.overrides = &order.overrides;
    wanted.self = &party.identity;
    wanted.now_ms = static_cast<std::uint64_t>(now_ns() / 1'000'000);
    wanted.transaction_id = (setting_.random)();
    wanted.own_port = links_.port(order.by);
    wanted.destination = links_state_[link].peer;
    wanted.answers = order.answers != nullptr ? order.answers->message.get() : nullptr;
    wanted.identity_of = [this](const std::string& name) {
      const auto found = parties_.find(name);
      return found == parties_.end() ? nullptr : &found->second.identity;
    };
    std::string message;
    if (!order.bytes.empty()) {
      message = order.bytes;
    } else if (order.raw) {
      if (!parse_hex(*order.raw, message)) return why = "raw: expected hexadecimal digits", Sent::kBadOrder;
    } else {
      message = build_message(wanted, why);
      if (!why.empty()) return Sent::kBadOrder;
    }
    if (order.truncate) message.resize(std::min(*order.truncate, message.size()));
    out.from = {"127.0.0.1", links_.port(order.by)};
    out.to = iut_;
    std::vector<std::string> parts{message};
    if (const std::size_t most = number_of(order.link, "fragments"); most != 0) parts = reload::split(message, most);
    if (parts.empty()) return why = "link: fragments: the message cannot be split so small", Sent::kBadOrder;
    if (text_of(order.link, "order") == "reversed") std::reverse(parts.begin(), parts.end());
    for (std::size_t copies = std::max<std::size_t>(1, number_of(order.link, "copies")); copies > 0; --copies) {
      for (const std::string& part : parts) out.messages.push_back(put(link, order, part));
    }
    // The whole message is what its answer belongs to.
    MessagePtr whole = decoded(message);
    out.exchange = exchange_of(*whole);
    if (whole->direction == Direction::kRequest && !out.exchange.empty()) {
      whole->source = order.by;
      whole->destination = kIutName;
      party.asked[out.exchange] = whole;
      mine_.insert(out.exchange);
    }
    if (order.answers != nullptr) follow_attach(order, *whole);
    return Sent::kYes;
  }

  std::optional<Arrival> next(double seconds) override {
    const auto deadline = SteadyClock::now() + std::chrono::duration<double>(seconds);
    for (;;) {
      if (auto arrival = take_from_office()) return arrival;
      if (auto arrival = take_from_visits()) return arrival;
      while (auto event = take_event()) {
        if (auto arrival = take_in(*event)) return arrival;
      }
      const double left = std::chrono::duration<double>(deadline - SteadyClock::now()).count();
      if (left <= 0) return std::nullopt;
      links_.drive(std::min(left, visits_.waiting() ? 0.01 : 0.1));
    }
  }

  // Signers, and the Resource-IDs that follow from who they are.
  void learn_cast(const std::string& by, const Message& captured, bool own) override {
    (void)verifier_.learn(captured);
    for (const reload::Verdict& verdict : verifier_.look(captured, {})) {
      if (verdict.of_value || verdict.node_id.empty()) continue;
      const NodeIdentity& self = parties_.at(by).identity;
      const std::string& now = own ? self.node_id : iut_id_;
      // An answer that was only passed on was signed by somebody else; the first signer is the neighbour itself.
      if (std::exchange(own ? knows_player_ : knows_other_, true)) continue;
      recast_[verdict.node_id] = now;
      recast_[reload::resource_id_of(verdict.node_id)] = reload::resource_id_of(now);
      if (own && !verdict.user.empty())
        recast_[reload::resource_id_of(verdict.user)] = reload::resource_id_of(self.user);
    }
  }

  std::string renewed(const std::string& by, const Message& captured) override {
    const reload::Packet* packet = reload::packet_of(captured);
    if (packet == nullptr || packet->is_ack() || packet->forwarding.is_fragment() || !captured.whole()) return {};
    std::string bytes(captured.view());
    for (const Event& event : captured.events) {
      if (!event.has_text || event.inner) continue;
      const auto now = recast_.find(std::string(event.text));
      if (now != recast_.end() && now->second.size() == event.length)
        bytes.replace(event.offset, event.length, now->second);
    }
    Message message;
    message.context = &overlay_.context;
    reload::decode(bytes, message);
    reload::Packet fresh = *reload::packet_of(message);
    fresh.forwarding.overlay = overlay_.hash;
    fresh.forwarding.configuration_sequence = overlay_.sequence;
    fresh.forwarding.transaction_id = (setting_.random)();
    if (auto* attach = std::get_if<reload::AttachReq>(&fresh.contents.body); attach != nullptr) {
      for (reload::IceCandidate& candidate : attach->candidates) {
        candidate.address = address_of(by);
        candidate.overlay_link =
            reload::kTlsTcpFhNoIce;  // whatever the captured overlay had: that is what listens here
      }
    }
    for (reload::ForwardingOption& option : fresh.forwarding.options) lead_here(by, option);
    return sign_anew(std::move(fresh), overlay_, parties_.at(by).identity,
                     static_cast<std::uint64_t>(now_ns() / 1'000'000));
  }

  void close(const std::string& by, bool reset) override {
    for (auto& [link, state] : links_state_) {
      if (state.party == by && state.up) links_.close(link, reset);
      if (state.party == by) state.up = false;
    }
    links_.drive(0);
  }

 private:
  static constexpr const char* kIutName = "iut";

  reload::IpAddressPort address_of(const std::string& by) const {
    constexpr std::uint32_t kLoopback = 0x7f000001;
    reload::IpAddressPort address;
    address.type = reload::kIpv4Address;
    address.ipv4 = kLoopback;
    address.port = links_.port(by);
    return address;
  }

  // Direct responses (RFC 7263 section 5.1.1) come to the party that asks now.
  void lead_here(const std::string& by, reload::ForwardingOption& option) const {
    if (option.type != reload::ExtensiveRoutingMode::kCode) return;
    reload::OptionValue typed{option.type, {}};
    if (!reload::decode_part(option.value, typed)) return;
    auto* mode = std::get_if<reload::ExtensiveRoutingMode>(&typed.value);
    if (mode == nullptr || mode->routemode != reload::kDirectResponseRouting) return;
    mode->address = address_of(by);
    mode->transport = reload::kTlsTcpFhNoIce;
    mode->destinations = {reload::Destination::node(parties_.at(by).identity.node_id)};
    option.value = reload::encode_part(*mode);
  }

  // The implementation under test joins an overlay of the harness, whose first node is the first party.
  std::string found(Variables& variables) {
    overlay_.found(fmt::format("overlay-{:08x}.example.org", static_cast<std::uint32_t>((setting_.random)())));
    Tree wanted = setting_.scenario.overlay;
    if (std::string error = expand_tree(wanted, variables); !error.empty()) return error;
    if (std::string error = founding_.found(overlay_, wanted, setting_.random); !error.empty()) return error;
    for (const std::string& name : setting_.scenario.party_names) {
      const Tree* wish = setting_.scenario.parties.find(name);
      if (wish != nullptr && wish->find("near") != nullptr) {
        late_.push_back(name);
        continue;
      }
      if (std::string error = add(name); !error.empty()) return error;
    }
    if (std::string error = open_office(wanted, variables); !error.empty()) return error;
    const auto node_id_of = [this](const std::string& name) {
      const auto at = parties_.find(name);
      return at == parties_.end() ? std::string() : at->second.identity.node_id;
    };
    if (std::string error = founding_.name_nodes(overlay_, wanted, node_id_of); !error.empty()) return error;
    const std::string& entry = setting_.scenario.party_names.front();
    overlay_.configuration.bootstrap_nodes = {{"127.0.0.1", links_.port(entry)}};
    if (std::string error = founding_.seal(overlay_); !error.empty()) return error;
    if (office_.is_open()) office_.serve(overlay_.document);
    expect_digest();
    std::vector<std::pair<std::string, std::string>> documents;
    if (std::string error = founding_.variables(overlay_, documents); !error.empty()) return error;
    for (auto& [name, document] : documents) variables.values[name] = std::move(document);
    variables.values["config"] = setting_.work_directory + "/overlay.xml";
    variables.values["overlay"] = overlay_.configuration.instance_name;
    variables.values["bootstrap"] = fmt::format("127.0.0.1:{}", links_.port(entry));
    std::ofstream file(variables.values["config"], std::ios::binary);
    file << overlay_.document;
    file.close();
    for (const auto& [name, party] : parties_) describe_party(name + ".", name, variables);
    describe_overlay(variables);
    return file ? "" : "cannot write " + variables.values["config"];
  }

  // ---- enrollment

  // The harness's own server, where the scenario wants one.
  std::string open_office(const Tree& wanted, Variables& variables) {
    std::string how = text_of(wanted, "office");
    if (how.empty() && setting_.iut.file().has("reload.enrollment")) how = "good";
    if (how.empty()) return {};
    const auto fault = Office::fault_named(how);
    if (!fault) return fmt::format("overlay: office: is good, other-host, other-overlay or other-issuer, not {}", how);
    reload::OverlayConfiguration& configuration = overlay_.configuration;
    if (std::string error = office_.open(*fault, configuration.instance_name, setting_.random, setting_.key_log);
        !error.empty())
      return error;
    configuration.enrollment_servers = {office_.url(Office::kEnrollmentPath)};
    configuration.root_certs = {office_.root()};
    variables.values["config_url"] = office_.url(Office::kConfigPath);
    variables.values["https_ca"] = setting_.work_directory + "/https-ca.pem";
    std::ofstream file(variables.values["https_ca"], std::ios::binary);
    file << office_.https_certificate();
    file.close();
    return file ? "" : "cannot write " + variables.values["https_ca"];
  }

  Sent enroll(const Order& order, std::string& why) {
    const auto& servers = overlay_.configuration.enrollment_servers;
    if (servers.empty()) return why = "the overlay has no enrollment server", Sent::kNoLink;
    OfficeEvent event = enroll_at(servers.front(), order.link, enrollment_keys_, setting_.patience);
    if (event.name == "failed") return why = event.why, Sent::kNoLink;
    answered_.push_back(other(order.by, std::move(event)));
    return Sent::kYes;
  }

  std::optional<Arrival> take_from_office() {
    if (!answered_.empty()) {
      Arrival arrival = std::move(answered_.front());
      answered_.pop_front();
      return arrival;
    }
    auto event = office_.is_open() ? office_.next() : std::nullopt;
    if (!event) return std::nullopt;
    return other(setting_.scenario.party_names.front(), *std::move(event));
  }

  static Arrival other(const std::string& party, OfficeEvent event) {
    Arrival arrival;
    arrival.kind = Arrival::Kind::kOther;
    arrival.party = party;
    arrival.event = std::move(event.name);
    arrival.findings = std::move(event.findings);
    arrival.why = std::move(event.why);
    return arrival;
  }

  // ---- PPSTP, as a peer of a node that is a tracker too

  Sent visit(const Order& order, Outgoing& out, std::string& why) {
    const auto url = net::Url::parse(setting_.iut.expanded(setting_.iut.file().overlay_tracker));
    if (!url.ok()) return why = "overlay: tracker: of the IUT file: " + url.error().message, Sent::kBadOrder;
    Tree with = order.with;
    if (with.find(ppstp::kTransactionId.name) == nullptr)
      with.at_path(ppstp::kTransactionId.name) = Tree::text(fmt::format("visit-{:x}", (setting_.random)()));
    EncodeResult body = ppstp::protocol().encode(order.msg, with, order.overrides);
    if (!body.error.empty()) return why = body.error, Sent::kBadOrder;
    out.exchange = fmt::format("visit {}", ++visit_count_);
    out.beside = &ppstp::protocol();
    out.from = {"127.0.0.1", 0};
    out.to = {url->host, url->port};
    MessagePtr asked = visits_.begin(*url, std::move(body.bytes), out.exchange, setting_.patience + kLongestAnswer);
    asked->time_ns = now_ns();
    asked->source = order.by;
    asked->destination = kIutName;
    parties_.at(order.by).asked[out.exchange] = asked;
    visitors_[out.exchange] = {order.by, out.to};
    out.messages.push_back(std::move(asked));
    return Sent::kYes;
  }

  std::optional<Arrival> take_from_visits() {
    auto answer = visits_.next();
    if (!answer) return std::nullopt;
    const auto& [party, server] = visitors_.at(answer->exchange);
    Arrival arrival;
    arrival.party = party;
    arrival.exchange = answer->exchange;
    arrival.from = server;
    arrival.to = {"127.0.0.1", 0};
    if (answer->message == nullptr) {
      arrival.kind = Arrival::Kind::kClosed;
      arrival.why = answer->why;
      return arrival;
    }
    arrival.beside = &ppstp::protocol();
    arrival.message = answer->message;
    arrival.message->time_ns = now_ns();
    arrival.message->source = kIutName;
    arrival.message->destination = party;
    arrival.request = parties_.at(party).asked.at(answer->exchange);
    return arrival;
  }

  // A swarm of its own that lies at a party that is near the node under test and before it, whenever there is one.
  void choose_swarm() {
    constexpr int kTries = 1000;  // one in 32 is near
    for (int i = 0; i < kTries && !iut_id_.empty(); ++i) {
      swarm_ = fmt::format("s{:06x}", (setting_.random)() & 0xffffff);
      const std::string resource = reload::swarm_resource(swarm_);
      if (!is_near(resource, iut_id_, "before") && !is_near(resource, iut_id_, "after")) return;
    }
  }

  void expect_digest() {
    const auto& permitted = overlay_.configuration.self_signed_permitted;
    if (permitted && permitted->hash()) examination_.expect_digest(*permitted->hash());
  }

  std::string add(const std::string& name) {
    Party party;
    const Tree* wish = setting_.scenario.parties.find(name);
    if (std::string error =
            make_identity(overlay_, name, wish, setting_.iut.file(), iut_id_, setting_.random, party.identity);
        !error.empty())
      return fmt::format("{}: {}", name, error);
    party.acknowledges = wish == nullptr || text_of(*wish, "acknowledges") != "false";
    if (std::string error = links_.add_party(name, party.identity.key, *party.identity.certificate); !error.empty())
      return error;
    verifier_.learn(party.identity.certificate->der(), 0);
    examination_.pass_over(*party.identity.certificate);
    parties_.emplace(name, std::move(party));
    return {};
  }

  // Who the implementation under test is, tells its certificate. Nobody who takes part asks for it: a party links when
  // it first sends, and may be one that is not let in.
  std::string meet() {
    static const std::string kObserver = "observer";
    if (std::string error = add(kObserver); !error.empty()) return error;
    std::string why;
    const int link = open(kObserver, why);
    if (link == 0) return why;
    iut_id_ = links_state_[link].peer;
    close(kObserver, false);
    parties_.erase(kObserver);
    choose_swarm();
    return iut_id_.empty() ? "its certificate names no node" : "";
  }

  void describe_party(const std::string& prefix, const std::string& name, Variables& variables) const {
    const auto at = parties_.find(name);
    if (at == parties_.end()) return;
    const NodeIdentity& identity = at->second.identity;
    auto& values = variables.values;
    values[prefix + "id"] = to_hex(identity.node_id);
    values[prefix + "user"] = identity.user;
    values[prefix + "user_resource"] = to_hex(reload::resource_id_of(identity.user));
    values[prefix + "node_resource"] = to_hex(reload::resource_id_of(identity.node_id));
    values[prefix + "addr"] = "127.0.0.1";
    values[prefix + "port"] = std::to_string(links_.port(name));
    values[prefix + "hash"] = to_hex(reload::sha256(identity.certificate->der()));
    values[prefix + "time"] = std::to_string(now_ns() / 1'000'000);
  }

  void describe_overlay(Variables& variables) const {
    describe_iut(variables);
    variables.values["overlay.hash"] = std::to_string(overlay_.hash);
    variables.values["overlay.sequence"] = std::to_string(overlay_.sequence);
    variables.values["overlay.max_size"] = std::to_string(overlay_.configuration.max_message_size);
    variables.values["overlay.max_ttl"] = std::to_string(overlay_.configuration.initial_ttl);
    variables.values["now"] = std::to_string(now_ns() / 1'000'000);
    for (const auto& [name, value] : overlay_.variables()) variables.values[name] = value;
  }

  // A joining node is known when it links.
  void describe_iut(Variables& variables) const {
    std::string next = iut_id_;
    for (std::size_t i = next.size(); i-- > 0;) {
      next[i] = static_cast<char>(next[i] + 1);
      if (next[i] != 0) break;
    }
    variables.values["iut.id"] = to_hex(iut_id_);
    variables.values["iut.next"] = to_hex(next);
    variables.values["iut.resource"] = to_hex(reload::resource_id_of(iut_id_));
    std::string across = iut_id_;
    if (!across.empty()) across[0] = static_cast<char>(across[0] ^ 0x80);
    variables.values["iut.finger"] = to_hex(across);
    variables.values["swarm.id"] = swarm_;
    variables.values["swarm.hex"] = to_hex(swarm_);
    variables.values["swarm.resource"] = to_hex(reload::swarm_resource(swarm_));
  }

  // ---- links

  int open(const std::string& by, std::string& why) {
    const int link = links_.connect(by, iut_);
    const auto deadline = SteadyClock::now() + std::chrono::duration<double>(setting_.patience);
    while (SteadyClock::now() < deadline) {
      links_.drive(0.05);
      std::deque<LinkEvent> others;
      while (auto event = links_.take()) {
        if (event->link == link && event->kind == LinkEvent::Kind::kDown) {
          put_back(std::move(others));
          return why = event->why, 0;
        }
        const bool up = event->link == link && event->kind == LinkEvent::Kind::kUp;
        if (up) note_up(*event);
        others.push_back(std::move(*event));
      }
      put_back(std::move(others));
      if (links_state_.contains(link) && links_state_[link].up) return link;
    }
    links_.close(link);
    return why = "the link did not come up in time", 0;
  }
  std::optional<LinkEvent> take_event() {
    if (early_.empty()) return links_.take();
    LinkEvent event = std::move(early_.front());
    early_.pop_front();
    return event;
  }
  void put_back(std::deque<LinkEvent> events) {
    for (LinkEvent& event : events) early_.push_back(std::move(event));
  }

  int link_for(const Order& order, std::string& why) {
    if (order.answers != nullptr && links_.is_up(order.answers->link)) return order.answers->link;
    for (auto link = links_state_.rbegin(); link != links_state_.rend(); ++link) {
      if (link->second.party == order.by && link->second.up && links_.is_up(link->first)) return link->first;
    }
    return open(order.by, why);
  }

  void note_up(const LinkEvent& event) {
    LinkState& state = links_state_[event.link];
    state.party = event.party;
    state.up = true;
    if (event.peer != nullptr) {
      verifier_.learn(event.peer->der(), 0);
      const std::vector<std::string> ids = event.peer->node_ids();
      if (!ids.empty()) state.peer = ids.front();
      if (iut_id_.empty()) {
        iut_id_ = state.peer;
        for (const std::string& name : late_) (void)add(name);
      }
    }
  }

  std::string exchange_of(const Message& message) const { return reload::protocol().journey_id(message); }

  MessagePtr decoded(std::string_view bytes) const {
    auto message = std::make_shared<Message>();
    message->context = &overlay_.context;
    message->transport.security = Transport::Security::kTls;
    reload::decode(bytes, *message);
    message->time_ns = now_ns();
    return message;
  }

  // One frame out; what went, as the other side sees it.
  MessagePtr put(int link, const Order& order, std::string_view message) {
    LinkState& state = links_state_[link];
    reload::FramedBytes framed;
    framed.frame.sequence = state.next_sequence++;
    if (const Tree* frame = order.link.find("frame"); frame != nullptr) {
      if (frame->find("sequence") != nullptr)
        framed.frame.sequence = static_cast<std::uint32_t>(number_of(*frame, "sequence"));
    }
    framed.message = message;
    const std::string bytes = reload::encode_part(framed);
    links_.send(link, bytes);
    MessagePtr sent = decoded(bytes);
    sent->source = link_name(link);
    sent->destination = kIutName;
    return sent;
  }
  std::string link_name(int link) const {
    const auto at = links_state_.find(link);
    return fmt::format("{}#{}", at == links_state_.end() ? "?" : at->second.party, link);
  }

  void acknowledge(int link, const reload::Frame& frame) {
    LinkState& state = links_state_[link];
    const auto ahead = static_cast<std::int32_t>(frame.sequence - state.newest);
    if (!state.any || ahead > 0) {
      state.seen = !state.any || ahead >= 64 ? 0 : state.seen << ahead;
      state.newest = frame.sequence;
      state.any = true;
    }
    state.seen |= 1;
    reload::Packet ack;
    ack.framed = true;
    ack.frame = {reload::kAckFrame, frame.sequence, static_cast<std::uint32_t>(state.seen & 0xfffffffe)};
    links_.send(link, reload::encode(ack));
  }

  // A node that answers an Attach opens the link (section 6.5.1.13).
  void follow_attach(const Order& order, const Message& answer) {
    const auto* request = reload::body_of<reload::AttachReq>(*order.answers->message);
    if (request == nullptr || reload::body_of<reload::AttachAns>(answer) == nullptr) return;
    if (text_of(order.link, "to") == "nobody") return;
    // Whoever signs the answer is the one who links.
    const std::string signer = text_of(order.link, "sign_as");
    const std::string& by = signer.empty() ? order.by : signer;
    for (const reload::IceCandidate& candidate : request->candidates) {
      if (candidate.address.type != reload::kIpv4Address || candidate.overlay_link != reload::kTlsTcpFhNoIce) continue;
      const std::uint32_t ip = candidate.address.ipv4;
      (void)links_.connect(
          by, {fmt::format("{}.{}.{}.{}", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255), candidate.address.port});
      return;
    }
  }

  // ---- what comes

  std::optional<Arrival> take_in(LinkEvent& event) {
    Arrival arrival;
    arrival.party = event.party;
    arrival.link = event.link;
    arrival.from = iut_;
    arrival.to = {"127.0.0.1", links_.port(event.party)};
    switch (event.kind) {
      case LinkEvent::Kind::kUp:
        note_up(event);
        arrival.kind = Arrival::Kind::kLinked;
        if (!event.incoming) return std::nullopt;
        return arrival;
      case LinkEvent::Kind::kDown:
        links_state_[event.link].up = false;
        arrival.kind = Arrival::Kind::kClosed;
        arrival.why = event.why;
        return arrival;
      case LinkEvent::Kind::kFrame:
        return message_in(event, std::move(arrival));
    }
    return std::nullopt;
  }

  Arrival message_in(const LinkEvent& event, Arrival arrival) {
    MessagePtr message = decoded(event.frame);
    arrival.message = message;
    message->source = kIutName;
    message->destination = link_name(event.link);
    const reload::Packet* packet = reload::packet_of(*message);
    const auto at = parties_.find(event.party);
    if (at == parties_.end()) return arrival;  // the observer's
    Party& party = at->second;
    if (packet != nullptr && packet->framed && !packet->is_ack() && party.acknowledges)
      acknowledge(event.link, packet->frame);
    arrival.exchange = exchange_of(*message);
    const auto asked = party.asked.find(arrival.exchange);
    if (message->direction != Direction::kRequest && asked != party.asked.end()) arrival.request = asked->second;
    check_signatures(arrival);
    return arrival;
  }

  void check_signatures(Arrival& arrival) {
    const Message& message = *arrival.message;
    (void)verifier_.learn(message);
    const reload::Packet* packet = reload::packet_of(message);
    // A fragment names no signer; it is somebody's whose exchange it is.
    const bool fragment = packet != nullptr && !packet->is_ack() && packet->forwarding.is_fragment();
    if (fragment) arrival.passed_on = mine_.contains(arrival.exchange) && arrival.request == nullptr;
    const std::vector<reload::Verdict> verdicts = verifier_.look(message, resource_of(arrival.request.get()));
    for (const reload::Verdict& verdict : verdicts) {
      if (verdict.of_value) continue;
      arrival.passed_on = std::any_of(parties_.begin(), parties_.end(), [&](const auto& one) {
        return !verdict.node_id.empty() && one.second.identity.node_id == verdict.node_id;
      });
    }
    // Unsigned on purpose by a party, and on its way to another one.
    if (arrival.request == nullptr && mine_.contains(arrival.exchange) && message.direction == Direction::kRequest)
      arrival.passed_on = true;
    if (arrival.passed_on) return;
    for (const reload::Verdict& verdict : verdicts) {
      // Values that the parties signed are theirs, as wrong as a scenario wants them.
      if (verdict.of_value && std::any_of(parties_.begin(), parties_.end(), [&](const auto& one) {
            return one.second.identity.node_id == verdict.node_id;
          }))
        continue;
      add_findings(verdict, arrival.findings);
    }
    examination_.look(verifier_, message, arrival.request.get(), arrival.findings);
  }

  static std::string text_of(const Tree& tree, std::string_view key) {
    const Tree* value = tree.find(key);
    return value == nullptr ? std::string() : value->scalar;
  }
  static std::size_t number_of(const Tree& tree, std::string_view key) {
    const std::string text = text_of(tree, key);
    std::size_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

  Setting setting_;
  OverlayView overlay_;
  OverlayLinks links_;
  net::Endpoint iut_;
  std::string iut_id_;
  std::map<std::string, Party> parties_;
  std::map<int, LinkState> links_state_;
  Founding founding_;
  Office office_;
  std::map<std::string, reload::PrivateKey> enrollment_keys_;
  std::string swarm_;
  Visits visits_;
  std::map<std::string, std::pair<std::string, net::Endpoint>> visitors_;  // party and server by exchange
  std::size_t visit_count_ = 0;
  std::deque<Arrival> answered_;               // by an enrollment server
  std::vector<std::string> late_;              // parties whose identities follow that of the joining node
  std::deque<LinkEvent> early_;                // came while a link was waited for
  std::map<std::string, std::string> recast_;  // replay: identifiers of the capture, raw, and those of now
  bool knows_player_ = false;
  bool knows_other_ = false;
  std::set<std::string> mine_;  // exchanges that a party began
  reload::Verifier verifier_;
  reload::Examination examination_;
};

}  // namespace

const NeighbourRules& overlay_neighbours() {
  static const NeighbourRules kRules{
      .protocol = "relo",
      .party_variables = kPartyVariables,
      .variables = kVariables,
      .link_keys = kLinkKeys,
      .party_keys = kPartyKeys,
      .overlay_keys = overlay_keys(),
      .events = kEvents,
      .orders = kOrders,
      .dissector = "relo",
      .title = "RELOAD",
      .content = reload::kContents.name,
      .probe = "ping_req",
      .beside = [] { return &ppstp::protocol(); },
      .make = [](const Neighbours::Setting& setting) -> std::unique_ptr<Neighbours> {
        return std::make_unique<Parties>(setting);
      },
      .make_examiner = []() -> std::unique_ptr<Examiner> { return std::make_unique<Signatures>(); }};
  return kRules;
}

}  // namespace peerscope::harness
