// SPDX-License-Identifier: GPL-2.0-or-later
// Attach: RFC 6940 section 6.5.1. Sets up a link; request and answer have one form.
//
//   length (1) ufrag | length (1) password | length (1) role | length (2) candidates | send_update (1)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/ice_candidate.h"
#include "protocols/reload/method.h"

namespace peerscope::reload {

inline constexpr std::string_view kPassive = "passive";
inline constexpr std::string_view kActive = "active";
inline constexpr Field kAttachReq{.filter = "relo.attach_req",
                                  .name = "attach_req",
                                  .label = "AttachReq",
                                  .type = Type::kGroup,
                                  .section = "6.5.1.1",
                                  .about = "Asks a node for a direct link"};
inline constexpr Field kAttachAns{.filter = "relo.attach_ans",
                                  .name = "attach_ans",
                                  .label = "AttachAns",
                                  .type = Type::kGroup,
                                  .section = "6.5.1.2",
                                  .about = "Agrees to a direct link"};
inline constexpr Field kUfragLength{.filter = "relo.attach.ufrag_length",
                                    .name = "ufrag_length",
                                    .label = "Username fragment length",
                                    .type = Type::kUint8,
                                    .section = "6.5.1.1",
                                    .about = "Bytes of ufrag",
                                    .replay = Replay::kDerived};
inline constexpr Field kUfrag{.filter = "relo.attach.ufrag",
                              .name = "ufrag",
                              .label = "Username fragment",
                              .section = "6.5.1.1",
                              .about = "As in ICE",
                              .replay = Replay::kNonce};
inline constexpr Field kPasswordLength{.filter = "relo.attach.password_length",
                                       .name = "password_length",
                                       .label = "Password length",
                                       .type = Type::kUint8,
                                       .section = "6.5.1.1",
                                       .about = "Bytes of the password",
                                       .replay = Replay::kDerived};
inline constexpr Field kPassword{.filter = "relo.attach.password",
                                 .name = "password",
                                 .label = "Password",
                                 .section = "6.5.1.1",
                                 .about = "As in ICE",
                                 .replay = Replay::kNonce};
inline constexpr Field kRoleLength{.filter = "relo.attach.role_length",
                                   .name = "role_length",
                                   .label = "Role length",
                                   .type = Type::kUint8,
                                   .section = "6.5.1.1",
                                   .about = "Bytes of the role",
                                   .replay = Replay::kDerived};
inline constexpr Field kRole{.filter = "relo.attach.role",
                             .name = "role",
                             .label = "Role",
                             .section = "6.5.1.1",
                             .about = "passive in requests (TLS server), active in answers"};
inline constexpr Field kCandidatesLength{.filter = "relo.attach.candidates_length",
                                         .name = "candidates_length",
                                         .label = "Candidates length",
                                         .type = Type::kUint16,
                                         .section = "6.5.1.1",
                                         .about = "Bytes of the candidates",
                                         .replay = Replay::kDerived};
inline constexpr Field kCandidate{.filter = "relo.attach.candidate",
                                  .name = "candidates",
                                  .label = "Candidate",
                                  .type = Type::kGroup,
                                  .section = "6.5.1.1",
                                  .about = "An address of the node"};
inline constexpr Field kAttachSendUpdate{.filter = "relo.attach.send_update",
                                         .name = "send_update",
                                         .label = "Send update",
                                         .type = Type::kBoolean,
                                         .section = "6.5.1.1",
                                         .about = "An Update is wanted once the link is up"};

struct AttachReqAns {
  std::string ufrag;
  std::string password;
  std::string role;
  std::vector<IceCandidate> candidates;
  bool send_update = false;
};
template <class A>
void describe(A& a, AttachReqAns& m) {
  a.prefixed(kUfragLength, [&] { a.rest(kUfrag, m.ufrag); });
  a.prefixed(kPasswordLength, [&] { a.rest(kPassword, m.password); });
  a.prefixed(kRoleLength, [&] { a.rest(kRole, m.role); });
  a.prefixed(kCandidatesLength, [&] { a.sequence(kCandidate, m.candidates); });
  a.number(kAttachSendUpdate, m.send_update);
}
struct AttachReq : AttachReqAns {
  static constexpr std::uint16_t kCode = kAttachReqMethod.code;
  static constexpr const Field* kGroup = &kAttachReq;
};
struct AttachAns : AttachReqAns {
  static constexpr std::uint16_t kCode = kAttachAnsMethod.code;
  static constexpr const Field* kGroup = &kAttachAns;
};

}  // namespace peerscope::reload
