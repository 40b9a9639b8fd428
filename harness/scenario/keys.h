// SPDX-License-Identifier: GPL-2.0-or-later
// The keys of scenario files: the loader refuses others, and the JSON Schema lists them.
#pragma once

#include <string_view>

namespace peerscope::harness::scenario_keys {

// Of a file.
inline constexpr std::string_view kFile[] = {"format", "scenario", "title",     "about",  "protocol", "role",
                                             "tests",  "needs",    "slow",      "params", "let",      "background",
                                             "steps",  "finally",  "resources", "survey", "parties",  "overlay"};
// Of an answer to requests that no step answers.
inline constexpr std::string_view kBackground[] = {"on", "reply"};
// Of send and reply.
inline constexpr std::string_view kSending[] = {"msg",   "raw", "raw_http",  "with",     "mutate", "http",
                                                "delay", "end", "behaviour", "resource", "stream", "link"};
// Of their http.
inline constexpr std::string_view kSendingHttp[] = {
    "method", "target", "status", "content_type", "headers", "chunked", "split", "pace", "absolute", "auth", "tls"};
// Of expect, expect_none and the outcomes of any_of.
inline constexpr std::string_view kOutcome[] = {
    "msg",    "event", "where",   "http",      "bind",          "verdict", "note",   "within",      "check",
    "any_of", "for",   "same_as", "stated_as", "silence_under", "agrees",  "offers", "bind_header", "answers"};
// Of their http.
inline constexpr std::string_view kOutcomeHttp[] = {"status", "content_type", "header", "method", "target", "body"};
// Of a step.
inline constexpr std::string_view kStep[] = {"id",    "by",     "setup",       "note", "send",
                                             "reply", "expect", "expect_none", "wait", "control",
                                             "close", "repeat", "when",        "use",  "parallel"};
// Of a step with branches.
inline constexpr std::string_view kParallelStep[] = {"parallel", "note", "when"};
// Of a step that uses another scenario.
inline constexpr std::string_view kUseStep[] = {"use", "id", "note", "when"};
// Of its use.
inline constexpr std::string_view kUse[] = {"scenario", "with"};

}  // namespace peerscope::harness::scenario_keys
