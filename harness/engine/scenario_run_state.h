// SPDX-License-Identifier: GPL-2.0-or-later
// The state of one attempt at a scenario, and what it does: one class in several files, because everything that
// happens in an attempt may end it and adds to the same result.
//
//   scenario_run.cc         steps, waits, controls, the end
//   scenario_survey.cc      what a server offers and holds, before the first step
//   scenario_client.cc      the harness as client
//   scenario_streams.cc     answers that have no end
//   scenario_server.cc      the harness as server
//   scenario_neighbours.cc  the harness as neighbour in an overlay
//   scenario_judge.cc       what is expected, and what becomes of it
//
// Ownership: made for one attempt; the IUT outlives it. Threading: one thread; secrets come from the server's own.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/engine/evidence.h"
#include "harness/engine/neighbours.h"
#include "harness/engine/party.h"
#include "harness/engine/scenario_run.h"
#include "harness/engine/survey.h"
#include "harness/scenario/expression.h"

namespace peerscope::harness {

using SteadyClock = std::chrono::steady_clock;

inline constexpr std::size_t kLongestValue = 500;  // of a message, in what people read

// What came back, for people: the field tree, or the HTTP answer where there is none.
std::string show(const Message& message, const net::HttpResponse* response);

// Bytes of the message in hand; length 0: none in particular.
struct Place {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

class ScenarioRun {
 public:
  ScenarioRun(const Scenario& scenario, const Permutation& permutation, Iut& iut, const AttemptOptions& options);

  Attempt run();

 private:
  // Ends the scenario. Returns false so that callers may `return stop(...)`.
  bool stop(Verdict verdict, std::string reason);

  net::KeyLogSink key_log();

  bool prepare();

  // ---- what the server offers and holds ----

  bool know_server();

  // One GET, redirects followed; null when no answer came.
  MessagePtr look_up(const Survey::Fetch& fetch, net::Error& error);

  net::Result<ClientParty::Answer> ask(const std::string& by, Exchange exchange);

  // Puts a request on its way, into the evidence and into the session.
  net::Result<void> hand_over(ClientParty& client, Exchange exchange, const ClientParty::Wire& wire, bool credentials);

  static bool is_redirect(const net::HttpResponse& http);

  // Where an answer sends the client (RFC 9110 section 15.4); 303 leads to a GET.
  net::Result<ClientParty::Answer> follow(const std::string& by, ClientParty::Answer answer);

  void clean_up();

  bool run_steps(const std::vector<Step>& steps);

  bool run_step(const Step& step);
  // Time passes by the rules' or the implementation's own clock: a pause, proof of silence, a message that it sends
  // when it likes. The rest of a run's time is the harness's.
  bool waits(const Step& step) const;

  // Nothing more may come on the connection.
  bool nothing(ClientParty& client, const Step& step);

  // Whether the step's condition holds; nothing when it cannot be told, which ends the scenario.
  std::optional<bool> is_wanted(const Step& step);

  bool set_variables(const Tree& values);

  std::optional<double> duration(const std::string& text);

  bool wait(const std::string& text);

  bool control(const std::string& what);

  // ---- the harness as client ----

  // Where a request goes: the resource, or what the scenario says, relative to it.
  net::Result<net::Url> url_of(const Sending& sending) const;

  // The one that this party sent its last request with.
  ClientParty* current(const std::string& name);

  // A directory may list resources of other servers: a connection each.
  ClientParty* party(const std::string& name, const net::Url& url, const std::string& tls_version = "");

  // Fills `body`; on failure the scenario stops as an error of the harness, which lint should have found.
  struct Built {
    std::string body;
    std::string media_type;  // empty: there is no body
    int status = 200;        // of an answer
  };
  bool build(const Sending& sending, const Message* request, const std::string& self, Built& out);

  // Of a message by its name; raw bytes without a name are what the protocol has most of.
  std::string media_type_of(std::string_view msg) const;

  // Members that every message needs and no scenario should have to repeat, by their replay class.
  void fill_identities(const std::string& msg, const Message* request, const std::string& self, Tree& with);

  static std::size_t number(const Tree& http, std::string_view key);

  // A request as the scenario has it; false when the scenario stops.
  bool compose(ClientParty& client, const Sending& sending, Exchange& exchange, ClientParty::Wire& wire);

  static bool with_credentials(const Sending& sending);

  bool send(ClientParty& client, const Sending& sending);

  // What a connection problem means: nothing is known of the rule, unless the IUT died of it.
  Verdict lost_verdict(const net::Error&) const;

  bool receive(ClientParty& client, const Expectation& expectation);

  // A scenario that is about redirects says so; for the others the answer is at their end.
  bool expects_status(const Expectation& expectation, int status) const;

  // Timers run in the IUT. What it saw as silence may have been as long as from before the request before this one
  // until now: when the IUT or this machine is slow, an expired timer is no fault. Returns why nothing can be told, or
  // "".
  std::string too_silent(const ClientParty& client, const Expectation& expectation);

  bool no_answer(ClientParty& client, const Expectation& expectation, const net::Error& error);

  // ---- answers without end ----

  struct Stream {
    ClientParty* client = nullptr;
    net::HttpResponse http;  // with the body so far
    net::ConnectionInfo connection;
    MessagePtr request;
    bool closed = false;
    std::string comment;
    std::vector<std::size_t> hits;  // found in it, to be told the frame when it is written
  };

  bool open_stream(ClientParty& client, const Step& step);

  // Waits until what came so far is as expected, or the time is over. A stream is judged as a whole each time: what was
  // told before is not told again.
  bool watch(Stream& stream, const Step& step);

  // Whether something came that may change the picture.
  bool read_more(Stream& stream, double seconds);

  // An outcome `event: closed` says that the stream has ended, besides what else it says.
  std::string stream_difference(const Outcome& outcome, const Stream& stream, const Message& message);

  // Into the evidence, as far as it came.
  void finish_stream(const std::string& by);

  Transport::Security security() const { return url_.tls() ? Transport::Security::kTls : Transport::Security::kClear; }

  // ---- judging ----

  void judge(const Message& message, const Message* request, int status);

  void add_hit(const Requirement& rule, Verdict verdict, const std::string& detail, Place place = {});
  void add_finding(const Finding& finding);

  template <class Http>
  void add_evidence(const Http& http, const net::ConnectionInfo& connection, Message& message) {
    message.frame = evidence_.add(http, connection, false, comment_);
    comment_.clear();
  }

  // The expectation of this step failed: each requirement that it decides is broken.
  bool decide(const Expectation& expectation, const std::string& detail);

  bool decide_all(const std::string& detail);

  bool take(const Outcome& outcome);

  std::string describe(const Expectation& expectation) const;
  static std::string text_of(const Tree& tree);

  // What a pattern is looked for in: all of a short body, the end of a long one.
  static std::string_view end_of(std::string_view body);
  static bool has_header(const net::Headers& headers, std::string_view name, const Tree& wanted);

  // Of messages that came without HTTP.
  static const net::Headers& no_headers();

  // Empty when the message is as the outcome says.
  std::string differences(const Outcome& outcome, const Message& message, const net::HttpResponse* http,
                          const net::Headers& headers = no_headers());

  void bind(const Outcome& outcome, const Message& message, const net::Headers& headers = no_headers());

  bool meet(const Expectation& expectation, const Message& message, const net::HttpResponse* http = nullptr,
            const Message* request = nullptr);

  // ---- the harness as server ----

  bool serve(const Step& step);

  // Empty when the request says the same as the one that the step of `same_as` took.
  std::string unlike_before(const Expectation& expectation, const Message& message);

  const Sending* background(const Message& message) const;

  bool answer(const ServerParty::Incoming& incoming, const Message& request, const Sending* sending);

  // ---- the harness as neighbour: messages come at any time, so they are collected, answered and judged as they come,
  // and a step looks among those that no step took yet.

  bool prepare_neighbours();

  bool linked_step(const Step& step);

  // Sends, or answers `to`.
  bool say(const Step& step, const Sending& sending, const Arrival* to);

  // `link: {transaction: STEP}`: the number of that step's request once more.
  void repeat_transaction(const Tree& same, Neighbours::Order& order);

  // A link that does not come up may be what the step is about.
  bool no_link(const Step& step, const std::string& why);

  void record(Message& message, const Protocol* beside, const net::Endpoint& from, const net::Endpoint& to,
              std::string_view comment);

  // Takes in what comes until something new is there or the time is over.
  bool listen_once(double seconds);
  void listen_for(double seconds);

  // A later step gives the answer itself.
  bool is_awaited(const Arrival& arrival) const;

  void judge_arrival(const Arrival& arrival);

  // Where the answer to a step's request is wanted: that exchange; else "".
  std::string awaited_exchange(const Step& step) const;

  static bool fits(const Arrival& arrival, const Outcome& outcome);

  bool hear(const Step& step);

  std::string transaction_of(const Message& message) const;

  bool heard_nothing(const Expectation& expectation, const std::string& last_difference, double seconds);

  // Nothing that fits may come from here on.
  bool stays_silent(const Step& step);

  const Scenario& scenario_;
  const Permutation& permutation_;
  const Protocol& protocol_;
  Iut& iut_;
  const AttemptOptions& options_;
  Random random_;
  Variables variables_;
  bool decided_ = false;   // a step that decides was run
  bool left_out_ = false;  // one was not, by its `when`
  Evidence evidence_;
  std::unique_ptr<Session> session_;
  Attempt result_;
  net::Url url_;
  std::map<std::string, std::unique_ptr<ClientParty>> clients_;
  std::map<std::string, ClientParty*> current_;  // by party
  std::unique_ptr<Survey> survey_;               // null: its servers have no directory
  std::map<std::string, ServerResource> resources_;
  std::map<std::string, Stream> streams_;  // by party
  ServerParty server_;
  std::unique_ptr<Neighbours> neighbours_;
  struct Kept {
    Arrival arrival;
    bool taken;
  };
  std::deque<Kept> inbox_;
  std::map<std::string, std::string> exchanges_of_;  // by the id of the step that sent the request
  std::map<std::string, std::string> numbers_;       // transaction numbers, by step id
  std::string last_exchange_;
  std::mutex secrets_mutex_;
  std::vector<std::string> secrets_;
  const Step* step_ = nullptr;
  std::string step_name_;
  std::string comment_;
  Place unmet_;  // where the message is not as expected
  std::uint64_t exchanges_ = 0;
  bool cleaning_ = false;
  std::map<std::string, MessagePtr> taken_;  // requests of a peer under test, by step id
  struct Times {
    SteadyClock::time_point sent;
    SteadyClock::time_point before;  // when the request before that was sent
  };
  std::map<std::string, Times> times_;  // by party
  std::string untold_;                  // why the answer in hand is no evidence
};

}  // namespace peerscope::harness
