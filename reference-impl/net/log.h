// SPDX-License-Identifier: GPL-2.0-or-later
// Log lines for people (text) or machines (JSON, one object a line) on standard error. What is wrong with a message is
// a finding, never a log line. Safe from any thread; set_up_log once, before other threads start.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "reference-impl/net/result.h"

namespace peerscope::net {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat { kText, kJson };

Result<LogLevel> parse_log_level(std::string_view text);    // "debug", "info", "warning", "error", "off"
Result<LogFormat> parse_log_format(std::string_view text);  // "text", "json"

// A named value: numbers and true/false stay what they are in JSON.
struct LogField {
  LogField(std::string_view n, std::string_view v) : name(n), text(v) {}
  LogField(std::string_view n, const char* v) : name(n), text(v) {}
  LogField(std::string_view n, const std::string& v) : name(n), text(v) {}
  LogField(std::string_view n, bool v) : name(n), text(v ? "true" : "false"), quoted(false) {}
  template <class Number>
  requires std::is_arithmetic_v<Number> LogField(std::string_view n, Number v)
      : name(n), text(std::to_string(v)), quoted(false) {}

  std::string_view name;
  std::string text;
  bool quoted = true;
};

// Before the first call: text, info.
void set_up_log(LogLevel level, LogFormat format);
bool log_enabled(LogLevel level);
void log(LogLevel level, std::string_view component, std::string_view message,
         std::initializer_list<LogField> fields = {});

inline void log_debug(std::string_view component, std::string_view message, std::initializer_list<LogField> f = {}) {
  log(LogLevel::kDebug, component, message, f);
}
inline void log_info(std::string_view component, std::string_view message, std::initializer_list<LogField> f = {}) {
  log(LogLevel::kInfo, component, message, f);
}
inline void log_warning(std::string_view component, std::string_view message, std::initializer_list<LogField> f = {}) {
  log(LogLevel::kWarning, component, message, f);
}
inline void log_error(std::string_view component, std::string_view message, std::initializer_list<LogField> f = {}) {
  log(LogLevel::kError, component, message, f);
}

// The line without its newline, as log() writes it.
std::string format_log_line(LogFormat format, std::string_view time, LogLevel level, std::string_view component,
                            std::string_view message, std::initializer_list<LogField> fields);

}  // namespace peerscope::net
