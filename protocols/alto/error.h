// SPDX-License-Identifier: GPL-2.0-or-later
// Error: RFC 7285 section 8.5.
//
//   { "meta": { "code": "E_INVALID_FIELD_VALUE", "field": "cost-type/cost-mode", "value": "foo" } }
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/alto/message_fields.h"

namespace peerscope::alto {

inline constexpr std::string_view kErrorSyntax = "E_SYNTAX";
inline constexpr std::string_view kErrorMissingField = "E_MISSING_FIELD";
inline constexpr std::string_view kErrorFieldType = "E_INVALID_FIELD_TYPE";
inline constexpr std::string_view kErrorFieldValue = "E_INVALID_FIELD_VALUE";
inline constexpr std::array<std::string_view, 4> kErrorCodes = {kErrorSyntax, kErrorMissingField, kErrorFieldType,
                                                                kErrorFieldValue};

inline constexpr Field kErrorCode{.filter = "alto.error.code",
                                  .name = "code",
                                  .label = "Error code",
                                  .section = "8.5.2",
                                  .about = "What is wrong with the request",
                                  .vocabulary = kErrorCodes};
inline constexpr Field kErrorField{.filter = "alto.error.field",
                                   .name = "field",
                                   .label = "Field",
                                   .section = "8.5.2",
                                   .about = "Member of the request, names joined by /"};
inline constexpr Field kErrorValue{.filter = "alto.error.value",
                                   .name = "value",
                                   .label = "Value",
                                   .section = "8.5.2",
                                   .about = "The wrong value as text"};
inline constexpr Field kErrorSyntaxText{.filter = "alto.error.syntax_error",
                                        .name = "syntax-error",
                                        .label = "Syntax error",
                                        .section = "8.5.2",
                                        .about = "For developers: what could not be parsed"};

struct ErrorMeta {
  std::optional<std::string> code;
  std::optional<std::string> field;
  std::optional<std::string> value;
  std::optional<std::string> syntax_error;
};
template <class A>
void describe(A& a, ErrorMeta& m) {
  a.required(kErrorCode, m.code);
  a.optional(kErrorField, m.field);
  a.optional(kErrorValue, m.value);
  a.optional(kErrorSyntaxText, m.syntax_error);
}

struct Error {
  std::optional<ErrorMeta> meta;
};
template <class A>
void describe(A& a, Error& m) {
  a.required(kMeta, m.meta);
}

}  // namespace peerscope::alto
