// SPDX-License-Identifier: GPL-2.0-or-later
// Matching of a received message against the `where` part of an expectation. Open: fields that are not named are not
// compared.
//
//   where:
//     error_code: 0                                         # text equality on the decoded value
//     swarm_result[swarm_id=s1].peer_group.peer_info: {len: {ge: 1, le: 5}, contains: {peer_id: p1}}
//     peer_addr: {absent: true}
#pragma once

#include <string>
#include <vector>

#include "protocols/base/message.h"
#include "protocols/base/tree.h"

namespace peerscope::harness {

struct Mismatch {
  std::string path;
  std::string expected;
  std::string seen;
};

// A value as scenarios write it: numbers in decimal, bytes in hexadecimal digits.
std::string plain_value(const Event& event);
// Variables are expanded already. Every mismatch is told, not only the first.
std::vector<Mismatch> match_message(const Message& message, const Tree& where);
// Compares one value with a scalar or an operator map ({ge: 400, lt: 500}, {in: [...]}, {re: ...}).
bool match_value(std::string_view value, const Tree& wanted, std::string& expected);
// Operators and shapes of a `where` part; empty when well, else "line l, column c: ...".
std::string check_where(const Tree& where);

}  // namespace peerscope::harness
