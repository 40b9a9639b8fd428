// SPDX-License-Identifier: GPL-2.0-or-later
// AppAttach: RFC 6940 section 6.5.2. Sets up a link for another protocol; request and answer have one form.
//
//   length (1) ufrag | length (1) password | application (2) | length (1) role | length (2) candidates
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/ice_candidate.h"
#include "protocols/reload/method.h"

namespace peerscope::reload {

// Private use begins at 61441; the profile of the distributed tracker takes the first (docs/distributed-tracker.md).
inline constexpr std::uint16_t kPpstpApplication = 61441;
inline constexpr ValueName kApplicationNames[] = {{5060, "SIP"}, {5061, "SIPS"}, {kPpstpApplication, "PPSTP"}};
inline constexpr Field kAppAttachReq{.filter = "relo.app_attach_req",
                                     .name = "app_attach_req",
                                     .label = "AppAttachReq",
                                     .type = Type::kGroup,
                                     .section = "6.5.2.1",
                                     .about = "Asks a node for a link for an application"};
inline constexpr Field kAppAttachAns{.filter = "relo.app_attach_ans",
                                     .name = "app_attach_ans",
                                     .label = "AppAttachAns",
                                     .type = Type::kGroup,
                                     .section = "6.5.2.2",
                                     .about = "Agrees to a link for an application"};
inline constexpr Field kAppUfragLength{.filter = "relo.app_attach.ufrag_length",
                                       .name = "ufrag_length",
                                       .label = "Username fragment length",
                                       .type = Type::kUint8,
                                       .section = "6.5.2.1",
                                       .about = "Bytes of ufrag",
                                       .replay = Replay::kDerived};
inline constexpr Field kAppUfrag{.filter = "relo.app_attach.ufrag",
                                 .name = "ufrag",
                                 .label = "Username fragment",
                                 .section = "6.5.2.1",
                                 .about = "As in ICE",
                                 .replay = Replay::kNonce};
inline constexpr Field kAppPasswordLength{.filter = "relo.app_attach.password_length",
                                          .name = "password_length",
                                          .label = "Password length",
                                          .type = Type::kUint8,
                                          .section = "6.5.2.1",
                                          .about = "Bytes of the password",
                                          .replay = Replay::kDerived};
inline constexpr Field kAppPassword{.filter = "relo.app_attach.password",
                                    .name = "password",
                                    .label = "Password",
                                    .section = "6.5.2.1",
                                    .about = "As in ICE",
                                    .replay = Replay::kNonce};
inline constexpr Field kApplication{.filter = "relo.app_attach.application",
                                    .name = "application",
                                    .label = "Application",
                                    .type = Type::kUint16,
                                    .section = "6.5.2.1",
                                    .about = "Application-ID: the protocol on the link",
                                    .names = kApplicationNames};
inline constexpr Field kAppRoleLength{.filter = "relo.app_attach.role_length",
                                      .name = "role_length",
                                      .label = "Role length",
                                      .type = Type::kUint8,
                                      .section = "6.5.2.1",
                                      .about = "Bytes of the role",
                                      .replay = Replay::kDerived};
inline constexpr Field kAppRole{.filter = "relo.app_attach.role",
                                .name = "role",
                                .label = "Role",
                                .section = "6.5.2.1",
                                .about = "passive in requests, active in answers"};
inline constexpr Field kAppCandidatesLength{.filter = "relo.app_attach.candidates_length",
                                            .name = "candidates_length",
                                            .label = "Candidates length",
                                            .type = Type::kUint16,
                                            .section = "6.5.2.1",
                                            .about = "Bytes of the candidates",
                                            .replay = Replay::kDerived};
inline constexpr Field kAppCandidate{.filter = "relo.app_attach.candidate",
                                     .name = "candidates",
                                     .label = "Candidate",
                                     .type = Type::kGroup,
                                     .section = "6.5.2.1",
                                     .about = "An address of the node"};

struct AppAttachReqAns {
  std::string ufrag;
  std::string password;
  std::uint16_t application = 0;
  std::string role;
  std::vector<IceCandidate> candidates;
};
template <class A>
void describe(A& a, AppAttachReqAns& m) {
  a.prefixed(kAppUfragLength, [&] { a.rest(kAppUfrag, m.ufrag); });
  a.prefixed(kAppPasswordLength, [&] { a.rest(kAppPassword, m.password); });
  a.number(kApplication, m.application);
  a.prefixed(kAppRoleLength, [&] { a.rest(kAppRole, m.role); });
  a.prefixed(kAppCandidatesLength, [&] { a.sequence(kAppCandidate, m.candidates); });
}
struct AppAttachReq : AppAttachReqAns {
  static constexpr std::uint16_t kCode = kAppAttachReqMethod.code;
  static constexpr const Field* kGroup = &kAppAttachReq;
};
struct AppAttachAns : AppAttachReqAns {
  static constexpr std::uint16_t kCode = kAppAttachAnsMethod.code;
  static constexpr const Field* kGroup = &kAppAttachAns;
};

}  // namespace peerscope::reload
