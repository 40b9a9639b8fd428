// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/scenario/expression.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <vector>

namespace peerscope::harness {
namespace {

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string number_text(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return std::to_string(static_cast<std::int64_t>(value));
  return fmt::format("{}", value);
}

// As a JSON string with its quotes (RFC 8259 section 7).
std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + '"';
}

// Pairs of hexadecimal digits; false when there is something else.
bool from_hex(std::string_view text, std::string& bytes) {
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const char* const from = text.data() + i;
    const auto [end, error] = std::from_chars(from, from + std::min<std::size_t>(2, text.size() - i), value, 16);
    if (error != std::errc{} || end != from + 2) return false;
    bytes.push_back(static_cast<char>(value));
  }
  return true;
}

// Of bytes in hexadecimal digits, in such digits.
std::string digest_of(const EVP_MD* algorithm, const std::string& bytes) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), hash, &size, algorithm, nullptr) != 1) return {};
  std::string out;
  for (unsigned i = 0; i < size; ++i) out += fmt::format("{:02x}", hash[i]);
  return out;
}

bool is_name_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}
bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

// Recursive descent over one expression. Depth is bounded by kDeepest so that a hostile file ends in an error.
class Evaluator {
 public:
  Evaluator(std::string_view text, const Variables& variables) : text_(text), variables_(variables) {}

  Expanded run() {
    std::string value = sum();
    skip();
    if (error_.empty() && at_ != text_.size())
      error_ = fmt::format("unexpected '{}' in expression '{}'", text_.substr(at_), text_);
    return {error_.empty() ? value : "", error_};
  }

  Decision decide() {
    const bool holds = any();
    skip();
    if (error_.empty() && at_ != text_.size())
      error_ = fmt::format("unexpected '{}' in condition '{}'", text_.substr(at_), text_);
    return {error_.empty() && holds, error_};
  }

 private:
  static constexpr int kDeepest = 20;

  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  double number_of(const std::string& value) {
    const auto seconds = parse_seconds(value);
    if (!seconds && error_.empty()) error_ = fmt::format("'{}' is not a number in expression '{}'", value, text_);
    return seconds.value_or(0);
  }

  // Each alternative is read whatever came before it: a mistake in it is told at once.
  bool any() {
    bool holds = all();
    while (error_.empty() && take_word("or")) holds = all() || holds;
    return holds;
  }
  bool all() {
    bool holds = negation();
    while (error_.empty() && take_word("and")) holds = negation() && holds;
    return holds;
  }
  bool negation() {
    bool turned = false;
    while (take_word("not")) turned = !turned;
    return comparison() != turned;
  }
  bool comparison() {
    skip();
    const std::size_t from = at_;
    std::string left = sum();
    const std::string_view op = error_.empty() ? comparator() : "";
    // What begins with a parenthesis may be a value or a condition.
    if (op.empty() && text_.substr(from).starts_with('(')) return in_parentheses(from);
    if (!error_.empty()) return false;
    if (op.empty()) return !left.empty() && left != "0" && left != "false";
    return compare(left, op, sum());
  }
  bool in_parentheses(std::size_t from) {
    error_.clear();
    at_ = from + 1;
    if (++depth_ > kDeepest) {
      error_ = fmt::format("condition '{}' is too deep", text_);
      return false;
    }
    const bool holds = any();
    if (!take(')') && error_.empty()) error_ = fmt::format("missing ')' in condition '{}'", text_);
    --depth_;
    return holds;
  }
  std::string_view comparator() {
    skip();
    for (const std::string_view op : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (!text_.substr(at_).starts_with(op)) continue;
      at_ += op.size();
      return op;
    }
    return {};
  }
  bool compare(const std::string& left, std::string_view op, const std::string& right) {
    const auto a = parse_seconds(left);
    const auto b = parse_seconds(right);
    const bool numbers = a && b;
    if (op == "==" || op == "!=") return (numbers ? *a == *b : left == right) == (op == "==");
    if (!numbers) {
      if (error_.empty())
        error_ = fmt::format("'{}' and '{}' are not both numbers in condition '{}'", left, right, text_);
      return false;
    }
    return op == "<" ? *a < *b : op == "<=" ? *a <= *b : op == ">" ? *a > *b : *a >= *b;
  }
  bool take_word(std::string_view word) {
    skip();
    const std::string_view rest = text_.substr(at_);
    if (!rest.starts_with(word) || (rest.size() > word.size() && is_name(rest[word.size()]))) return false;
    at_ += word.size();
    return true;
  }

  std::string sum() {
    std::string value = product();
    for (skip(); error_.empty() && at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-'); skip()) {
      const char op = text_[at_++];
      const double right = number_of(product());
      const double left = number_of(value);
      value = number_text(op == '+' ? left + right : left - right);
    }
    return value;
  }
  std::string product() {
    std::string value = atom();
    for (skip(); error_.empty() && at_ < text_.size() && (text_[at_] == '*' || text_[at_] == '/'); skip()) {
      const char op = text_[at_++];
      const double right = number_of(atom());
      const double left = number_of(value);
      if (op == '/' && right == 0)
        error_ = fmt::format("division by zero in '{}'", text_);
      else
        value = number_text(op == '*' ? left * right : left / right);
    }
    return value;
  }
  std::string atom() {
    skip();
    if (++depth_ > kDeepest || at_ >= text_.size()) {
      if (error_.empty()) error_ = fmt::format("expression '{}' ends too early or is too deep", text_);
      return {};
    }
    std::string value;
    if (take('(')) {
      value = sum();
      if (!take(')') && error_.empty()) error_ = fmt::format("missing ')' in '{}'", text_);
    } else if (text_[at_] == '\'') {
      const std::size_t close = text_.find('\'', at_ + 1);
      if (close == std::string_view::npos)
        error_ = fmt::format("missing quote in '{}'", text_);
      else
        value = text_.substr(at_ + 1, close - at_ - 1), at_ = close + 1;
    } else if (is_name_start(text_[at_])) {
      const std::size_t from = at_;
      while (at_ < text_.size() && is_name(text_[at_])) ++at_;
      const std::string_view name = text_.substr(from, at_ - from);
      value = take('(') ? call(name) : lookup(name);
    } else {
      const std::size_t from = at_;
      while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '.'))
        ++at_;
      value = text_.substr(from, at_ - from);
      if (value.empty() || !parse_seconds(value))
        error_ = fmt::format("unexpected '{}' in expression '{}'", text_.substr(from), text_);
      else
        value = number_text(*parse_seconds(value));
    }
    --depth_;
    return value;
  }
  std::string lookup(std::string_view name) {
    const auto found = variables_.values.find(name);
    if (found != variables_.values.end()) return found->second;
    if (error_.empty()) error_ = fmt::format("no variable '{}'", name);
    return {};
  }
  std::string call(std::string_view name) {
    std::vector<std::string> arguments;
    if (!take(')')) {
      do arguments.push_back(sum());
      while (error_.empty() && take(','));
      if (!take(')') && error_.empty()) error_ = fmt::format("missing ')' in '{}'", text_);
    }
    if (!error_.empty()) return {};
    const std::size_t n = arguments.size();
    constexpr double kLongest = 4096;
    if (name == "hex" && n == 1) {
      const double digits = number_of(arguments[0]);
      std::string out;
      for (int i = 0; variables_.random != nullptr && i < std::min(digits, kLongest); ++i)
        out.push_back("0123456789abcdef"[(*variables_.random)() & 15]);
      return out;
    }
    if (name == "rand" && n == 2) {
      const auto low = static_cast<std::int64_t>(number_of(arguments[0]));
      const auto high = static_cast<std::int64_t>(number_of(arguments[1]));
      if (variables_.random == nullptr || high <= low) return std::to_string(low);
      return std::to_string(std::uniform_int_distribution<std::int64_t>(low, high)(*variables_.random));
    }
    if (name == "repeat" && n == 2) {
      std::string out;
      for (int i = 0; i < std::min(number_of(arguments[1]), 200000.0); ++i) out += arguments[0];
      return out;
    }
    if (name == "concat") {
      std::string out;
      for (const std::string& part : arguments) out += part;
      return out;
    }
    if (name == "upper" && n == 1) {
      for (char& c : arguments[0]) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      return arguments[0];
    }
    if (name == "json" && n == 1) return json_text(arguments[0]);
    const bool hashes = name == "sha1" || name == "sha256";
    if ((name == "unhex" || hashes) && n == 1) {
      std::string bytes;
      if (!from_hex(arguments[0], bytes)) {
        error_ = fmt::format("{}('{}'): expected pairs of hexadecimal digits", name, arguments[0]);
        return {};
      }
      return hashes ? digest_of(name == "sha1" ? EVP_sha1() : EVP_sha256(), bytes) : bytes;
    }
    if (name == "left" && n == 2) {
      const double length = std::clamp(number_of(arguments[1]), 0.0, 1e6);
      return arguments[0].substr(0, static_cast<std::size_t>(length));
    }
    if (name == "byte" && n == 1) return fmt::format("{:02x}", static_cast<int>(number_of(arguments[0])) & 255);
    error_ = fmt::format(
        "no function '{}' with {} arguments; there are hex(n), rand(a, b), repeat(x, n), concat(...), upper(x), "
        "unhex(x), json(x), sha1(x), sha256(x), left(x, n), byte(n)",
        name, n);
    return {};
  }

  std::string_view text_;
  const Variables& variables_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::string error_;
};

}  // namespace

std::optional<double> parse_seconds(std::string_view text) {
  double unit = 1;
  if (text.ends_with("ms"))
    unit = 0.001, text.remove_suffix(2);
  else if (text.ends_with("s"))
    text.remove_suffix(1);
  else if (text.ends_with("m"))
    unit = 60, text.remove_suffix(1);
  const auto number = parse_number(text);
  return number ? std::optional(*number * unit) : std::nullopt;
}

Decision decide_condition(std::string_view text, const Variables& variables) {
  return Evaluator(text, variables).decide();
}

Expanded expand(std::string_view text, const Variables& variables) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '$') {
      out.push_back(text[i++]);
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '$') {  // $$ is a dollar sign
      out.push_back('$');
      i += 2;
      continue;
    }
    std::string_view expression;
    if (i + 1 < text.size() && text[i + 1] == '{') {
      const std::size_t close = text.find('}', i);
      if (close == std::string_view::npos) return {"", fmt::format("missing '}}' in '{}'", text)};
      expression = text.substr(i + 2, close - i - 2);
      i = close + 1;
    } else {
      std::size_t end = i + 1;
      while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) ++end;
      if (end == i + 1) return {"", fmt::format("a lone '$' in '{}' (write $$ for the sign itself)", text)};
      expression = text.substr(i + 1, end - i - 1);
      i = end;
    }
    Expanded value = Evaluator(expression, variables).run();
    if (!value.error.empty()) return value;
    out += value.text;
  }
  return {out, ""};
}

std::string expand_tree(Tree& tree, const Variables& variables) {
  const auto place = [&](const std::string& error) {
    return tree.line > 0 ? fmt::format("line {}, column {}: {}", tree.line, tree.column, error) : error;
  };
  if (tree.is_scalar() && tree.scalar.find('$') != std::string::npos) {
    Expanded value = expand(tree.scalar, variables);
    if (!value.error.empty()) return place(value.error);
    tree.scalar = std::move(value.text);
  }
  for (Tree& item : tree.items) {
    if (std::string error = expand_tree(item, variables); !error.empty()) return error;
  }
  for (auto& [key, value] : tree.members) {
    if (key.find('$') != std::string::npos) {
      Expanded expanded = expand(key, variables);
      if (!expanded.error.empty()) return place(expanded.error);
      key = std::move(expanded.text);
    }
    if (std::string error = expand_tree(value, variables); !error.empty()) return error;
  }
  return {};
}

std::string check_expressions(const Tree& tree, const Variables& known) {
  Tree copy = tree;
  return expand_tree(copy, known);
}

}  // namespace peerscope::harness
