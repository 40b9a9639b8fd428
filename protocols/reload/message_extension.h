// SPDX-License-Identifier: GPL-2.0-or-later
// MessageExtension: RFC 6940 section 6.3.3, with Diagnostic_Ping (RFC 7851) and self_tuning_data (RFC 7363).
//
//   type (2) | critical (1) | length (4) | extension_contents
#pragma once

#include <cstdint>
#include <string>

#include "protocols/base/field.h"
#include "protocols/reload/diagnostics.h"
#include "protocols/reload/self_tuning.h"

namespace peerscope::reload {

inline constexpr std::uint16_t kExpExtension = 0x0001;
inline constexpr std::uint16_t kDiagnosticPing = 0x0002;
inline constexpr std::uint16_t kSelfTuningExtension = 0x0003;
inline constexpr ValueName kExtensionNames[] = {
    {kExpExtension, "exp-ext"}, {kDiagnosticPing, "Diagnostic_Ping"}, {kSelfTuningExtension, "self_tuning_data"}};
inline constexpr Field kExtension{.filter = "relo.extension",
                                  .name = "extensions",
                                  .label = "Extension",
                                  .type = Type::kGroup,
                                  .section = "6.3.3",
                                  .about = "A message extension"};
inline constexpr Field kExtensionType{.filter = "relo.extension.type",
                                      .name = "type",
                                      .label = "Extension type",
                                      .type = Type::kUint16,
                                      .section = "6.3.3",
                                      .about = "Which extension",
                                      .display = Display::kHex,
                                      .names = kExtensionNames};
inline constexpr Field kExtensionCritical{.filter = "relo.extension.critical",
                                          .name = "critical",
                                          .label = "Critical",
                                          .type = Type::kBoolean,
                                          .section = "6.3.3",
                                          .about = "Who does not know the extension must not process the message"};
inline constexpr Field kExtensionLength{.filter = "relo.extension.length",
                                        .name = "length",
                                        .label = "Extension length",
                                        .type = Type::kUint32,
                                        .section = "6.3.3",
                                        .about = "Bytes of the contents",
                                        .replay = Replay::kDerived};
inline constexpr Field kExtensionContents{.filter = "relo.extension.contents",
                                          .name = "extension_contents",
                                          .label = "Extension contents",
                                          .type = Type::kBytes,
                                          .section = "6.3.3",
                                          .about = "As the extension defines them"};

// The contents, when the type is known. Diagnostic_Ping asks in requests and answers in responses.
struct ExtensionValue {
  std::uint16_t type = 0;
  bool response = false;
  DiagnosticsRequest request;
  DiagnosticsResponse answer;
  SelfTuningData tuning;
};
template <class A>
void describe(A& a, ExtensionValue& m) {
  a.when(m.type == kDiagnosticPing && !m.response, [&] { a.structure(kDiagnosticsRequest, m.request); });
  a.when(m.type == kDiagnosticPing && m.response, [&] { a.structure(kDiagnosticsResponse, m.answer); });
  a.when(m.type == kSelfTuningExtension, [&] { a.structure(kSelfTuning, m.tuning); });
}

struct MessageExtension {
  std::uint16_t type = 0;
  bool critical = false;
  std::string contents;   // encoded
  bool response = false;  // not on the wire: stands in a response
};
template <class A>
void describe(A& a, MessageExtension& m) {
  a.number(kExtensionType, m.type);
  a.number(kExtensionCritical, m.critical);
  a.prefixed(kExtensionLength, [&] {
    ExtensionValue typed;
    typed.type = m.type;
    typed.response = m.response;
    a.nested(kExtensionContents, m.contents, typed);
  });
}

}  // namespace peerscope::reload
