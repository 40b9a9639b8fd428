// SPDX-License-Identifier: GPL-2.0-or-later
// ErrorResponse: RFC 6940 section 6.3.3.1, codes of section 14.9 and RFC 7851 section 9.1. error_info is a text,
// except: the right counters (Generation_Counter_Too_Low, section 7.4.1.2), the Kinds that are unknown (Unknown_Kind).
//
//   error_code (2) | length (2) | error_info
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/method.h"
#include "protocols/reload/store.h"

namespace peerscope::reload {

inline constexpr std::uint16_t kForbidden = 0x02;
inline constexpr std::uint16_t kNotFound = 0x03;
inline constexpr std::uint16_t kRequestTimeout = 0x04;
inline constexpr std::uint16_t kGenerationCounterTooLow = 0x05;
inline constexpr std::uint16_t kIncompatibleWithOverlay = 0x06;
inline constexpr std::uint16_t kUnsupportedForwardingOption = 0x07;
inline constexpr std::uint16_t kDataTooLarge = 0x08;
inline constexpr std::uint16_t kDataTooOld = 0x09;
inline constexpr std::uint16_t kTtlExceeded = 0x0a;
inline constexpr std::uint16_t kMessageTooLarge = 0x0b;
inline constexpr std::uint16_t kUnknownKind = 0x0c;
inline constexpr std::uint16_t kUnknownExtension = 0x0d;
inline constexpr std::uint16_t kResponseTooLarge = 0x0e;
inline constexpr std::uint16_t kConfigTooOld = 0x0f;
inline constexpr std::uint16_t kConfigTooNew = 0x10;
inline constexpr std::uint16_t kInProgress = 0x11;
inline constexpr std::uint16_t kExpAError = 0x12;
inline constexpr std::uint16_t kExpBError = 0x13;
inline constexpr std::uint16_t kInvalidMessage = 0x14;
inline constexpr std::uint16_t kMessageExpired = 0x17;  // RFC 7851
inline constexpr ValueName kErrorNames[] = {{kForbidden, "Error_Forbidden"},
                                            {kNotFound, "Error_Not_Found"},
                                            {kRequestTimeout, "Error_Request_Timeout"},
                                            {kGenerationCounterTooLow, "Error_Generation_Counter_Too_Low"},
                                            {kIncompatibleWithOverlay, "Error_Incompatible_with_Overlay"},
                                            {kUnsupportedForwardingOption, "Error_Unsupported_Forwarding_Option"},
                                            {kDataTooLarge, "Error_Data_Too_Large"},
                                            {kDataTooOld, "Error_Data_Too_Old"},
                                            {kTtlExceeded, "Error_TTL_Exceeded"},
                                            {kMessageTooLarge, "Error_Message_Too_Large"},
                                            {kUnknownKind, "Error_Unknown_Kind"},
                                            {kUnknownExtension, "Error_Unknown_Extension"},
                                            {kResponseTooLarge, "Error_Response_Too_Large"},
                                            {kConfigTooOld, "Error_Config_Too_Old"},
                                            {kConfigTooNew, "Error_Config_Too_New"},
                                            {kInProgress, "Error_In_Progress"},
                                            {kExpAError, "Error_Exp_A"},
                                            {kExpBError, "Error_Exp_B"},
                                            {kInvalidMessage, "Error_Invalid_Message"},
                                            {0x15, "Error_Underlay_Destination_Unreachable"},
                                            {0x16, "Error_Underlay_Time_Exceeded"},
                                            {kMessageExpired, "Error_Message_Expired"},
                                            {0x18, "Error_Upstream_Misrouting"},
                                            {0x19, "Error_Loop_Detected"},
                                            {0x1a, "Error_TTL_Hops_Exceeded"}};
inline constexpr Field kError{.filter = "relo.error",
                              .name = "error",
                              .label = "Error",
                              .type = Type::kGroup,
                              .section = "6.3.3.1",
                              .about = "The request failed"};
inline constexpr Field kErrorCode{.filter = "relo.error.code",
                                  .name = "error_code",
                                  .label = "Error code",
                                  .type = Type::kUint16,
                                  .section = "6.3.3.1",
                                  .about = "Why",
                                  .display = Display::kHex,
                                  .names = kErrorNames};
inline constexpr Field kErrorInfoLength{.filter = "relo.error.info_length",
                                        .name = "error_info_length",
                                        .label = "Error info length",
                                        .type = Type::kUint16,
                                        .section = "6.3.3.1",
                                        .about = "Bytes of the explanation",
                                        .replay = Replay::kDerived};
inline constexpr Field kErrorInfo{.filter = "relo.error.info",
                                  .name = "error_info",
                                  .label = "Error info",
                                  .type = Type::kBytes,
                                  .section = "6.3.3.1",
                                  .about = "Explanation, as the code defines it"};
inline constexpr Field kErrorText{.filter = "relo.error.text",
                                  .name = "text",
                                  .label = "Text",
                                  .section = "6.3.3.1",
                                  .about = "Explanation for people"};
inline constexpr Field kErrorStoreAns{.filter = "relo.error.store_ans",
                                      .name = "store_ans",
                                      .label = "Counters",
                                      .type = Type::kGroup,
                                      .section = "7.4.1.2",
                                      .about = "The right generation counters"};
inline constexpr Field kUnknownKindsLength{.filter = "relo.error.unknown_kinds_length",
                                           .name = "unknown_kinds_length",
                                           .label = "Unknown Kinds length",
                                           .type = Type::kUint8,
                                           .section = "7.4.1.2",
                                           .about = "Bytes of the list",
                                           .replay = Replay::kDerived};
inline constexpr Field kUnknownKinds{.filter = "relo.error.unknown_kind",
                                     .name = "unknown_kinds",
                                     .label = "Unknown Kind",
                                     .type = Type::kUint32,
                                     .section = "7.4.1.2",
                                     .about = "A Kind that the peer does not know",
                                     .display = Display::kHex,
                                     .names = kKindNames};

// error_info as its code defines it.
struct ErrorInfo {
  std::uint16_t code = 0;
  StoreAns store_ans;
  std::vector<std::uint32_t> unknown_kinds;
  std::string text;
};
template <class A>
void describe(A& a, ErrorInfo& m) {
  a.when(m.code == kGenerationCounterTooLow, [&] { a.structure(kErrorStoreAns, m.store_ans); });
  a.when(m.code == kUnknownKind,
         [&] { a.prefixed(kUnknownKindsLength, [&] { a.numbers(kUnknownKinds, m.unknown_kinds); }); });
  a.when(m.code != kGenerationCounterTooLow && m.code != kUnknownKind, [&] { a.rest(kErrorText, m.text); });
}

struct ErrorResponse {
  static constexpr std::uint16_t kCode = kErrorMethod.code;
  static constexpr const Field* kGroup = &kError;
  std::uint16_t code = 0;
  std::string info;  // encoded
};
template <class A>
void describe(A& a, ErrorResponse& m) {
  a.number(kErrorCode, m.code);
  a.prefixed(kErrorInfoLength, [&] {
    ErrorInfo typed{m.code, {}, {}, {}};
    a.nested(kErrorInfo, m.info, typed);
  });
}

}  // namespace peerscope::reload
