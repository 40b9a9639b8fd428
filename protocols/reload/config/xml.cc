// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/config/xml.h"

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "protocols/reload/security/text.h"

namespace peerscope::reload {
namespace {

std::string to_string(const xmlChar* text) {
  return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text));
}

struct ContextFree {
  void operator()(xmlParserCtxt* context) const { xmlFreeParserCtxt(context); }
};

// Receives libxml2's SAX calls. They come through C code, so nothing in here throws but for lack of memory.
class Builder {
 public:
  Builder(std::string_view bytes, const XmlLimits& limits, xmlParserCtxt* context, XmlText& out)
      : bytes_(bytes), limits_(limits), context_(context), out_(out) {}

  static void start(void* self, const xmlChar* name, const xmlChar*, const xmlChar* ns, int, const xmlChar**,
                    int attribute_count, int, const xmlChar** attributes) noexcept {
    static_cast<Builder*>(self)->on_start(name, ns, attribute_count, attributes);
  }
  static void end(void* self, const xmlChar*, const xmlChar*, const xmlChar*) noexcept {
    static_cast<Builder*>(self)->on_end();
  }
  static void text(void* self, const xmlChar* characters, int size) noexcept {
    auto& builder = *static_cast<Builder*>(self);
    if (!builder.open_.empty() && size > 0)
      builder.top().text.append(reinterpret_cast<const char*>(characters), static_cast<std::size_t>(size));
  }
  static void document_type(void* self, const xmlChar*, const xmlChar*, const xmlChar*) noexcept {
    static_cast<Builder*>(self)->refuse("a document type (DOCTYPE): entities and external parts are not read");
  }
  static void error(void* self, xmlError* error) noexcept {
    auto& builder = *static_cast<Builder*>(self);
    if (builder.refused_ || error == nullptr) return;
    std::string message(error->message == nullptr ? "unknown error" : error->message);
    message = text::trim(message);
    if (error->level == XML_ERR_FATAL)
      builder.out_.refusals.push_back({error->line, "not well-formed: " + message});
    else if (builder.out_.problems.size() < 100)
      builder.out_.problems.push_back({error->line, message});
  }

 private:
  XmlElement& top() { return out_.elements[open_.back()]; }

  void refuse(std::string why) {
    if (!refused_) out_.refusals.push_back({line_at(position()), std::move(why)});
    refused_ = true;
    xmlStopParser(context_);
  }

  // Bytes that the parser has taken: it works on UTF-8 in place, so this is a place in `bytes_` as well.
  std::size_t position() const {
    const long consumed = xmlByteConsumed(context_);
    return consumed < 0 ? bytes_.size() : std::min(static_cast<std::size_t>(consumed), bytes_.size());
  }

  // Places only grow, so that each line break is counted once.
  int line_at(std::size_t offset) {
    if (offset > counted_) {
      line_ += static_cast<int>(std::count(bytes_.begin() + static_cast<std::ptrdiff_t>(counted_),
                                           bytes_.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
      counted_ = offset;
    }
    return line_;
  }

  void on_start(const xmlChar* name, const xmlChar* ns, int attribute_count, const xmlChar** attributes) {
    if (refused_) return;
    if (open_.size() >= limits_.depth) return refuse("elements nested deeper than " + std::to_string(limits_.depth));
    if (out_.elements.size() >= limits_.elements)
      return refuse("more than " + std::to_string(limits_.elements) + " elements");
    // The parser stands before the '>' of the start tag, or before "/>". No '<' can be in between: attribute values may
    // not have one (XML 1.0 section 3.1).
    const std::size_t at = position();
    const std::size_t begin = bytes_.rfind('<', at == 0 ? 0 : at - 1);
    const std::size_t close = bytes_.find('>', at);
    if (begin == std::string_view::npos || close == std::string_view::npos)
      return refuse("a start tag without its '<'");

    const auto index = static_cast<std::uint32_t>(out_.elements.size());
    if (!open_.empty()) top().children.push_back(index);
    XmlElement& element = out_.elements.emplace_back();
    element.ns = to_string(ns);
    element.name = to_string(name);
    element.begin = begin;
    element.open_end = close + 1;
    element.line = line_at(begin);
    for (int i = 0; i < attribute_count; ++i) {
      const xmlChar** attribute = attributes + std::ptrdiff_t{5} * i;  // name, prefix, namespace, begin, end of value
      element.attributes.push_back({to_string(attribute[2]), to_string(attribute[0]),
                                    std::string(reinterpret_cast<const char*>(attribute[3]),
                                                static_cast<std::size_t>(attribute[4] - attribute[3]))});
    }
    open_.push_back(index);
  }

  void on_end() {
    if (refused_ || open_.empty()) return;
    top().end = position();
    open_.pop_back();
  }

  std::string_view bytes_;
  const XmlLimits& limits_;
  xmlParserCtxt* context_;
  XmlText& out_;
  std::vector<std::uint32_t> open_;
  std::size_t counted_ = 0;
  int line_ = 1;
  bool refused_ = false;
};

// The encoding declaration's value, or nothing. Only what XML 1.0 section 2.8 lets stand there.
std::string_view declared_encoding(std::string_view bytes) {
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  if (!bytes.starts_with("<?xml")) return {};
  const std::string_view declaration = bytes.substr(0, bytes.find("?>"));
  const std::size_t key = declaration.find("encoding");
  if (key == std::string_view::npos) return {};
  const std::size_t open = declaration.find_first_of("\"'", key);
  if (open == std::string_view::npos) return {};
  const std::size_t close = declaration.find(declaration[open], open + 1);
  return close == std::string_view::npos ? std::string_view() : declaration.substr(open + 1, close - open - 1);
}

// Whether some start tag could have more attributes than the limit, looked at before libxml2 sees them. Also in text
// that is not well-formed libxml2 reads no start tag beyond the next '<', and each attribute has a '=' and a quote; so
// this can refuse odd text or comments, but lets no tag through.
bool may_have_more_attributes(std::string_view bytes, std::size_t limit) {
  std::size_t count = 0;
  for (std::size_t at = bytes.find_first_of("<="); at < bytes.size(); at = bytes.find_first_of("<=", at + 1)) {
    if (bytes[at] == '<') {
      count = 0;
      continue;
    }
    const std::size_t value = bytes.find_first_not_of(" \t\r\n", at + 1);
    if (value < bytes.size() && (bytes[value] == '"' || bytes[value] == '\'') && ++count > limit) return true;
  }
  return false;
}

bool is_utf8_name(std::string_view name) {
  constexpr std::string_view kUtf8 = "utf-8";
  return name.size() == kUtf8.size() && std::equal(name.begin(), name.end(), kUtf8.begin(), [](char a, char b) {
           return a == b || (a >= 'A' && a <= 'Z' && a + 32 == b);
         });
}

// Reasons to refuse the bytes before any XML is looked at.
std::string refusal(std::string_view bytes, const XmlLimits& limits) {
  if (bytes.size() > limits.bytes) return "larger than " + std::to_string(limits.bytes) + " bytes";
  if (bytes.empty()) return "empty";
  if (!simdjson::validate_utf8(bytes.data(), bytes.size())) return "not UTF-8";
  // libxml2 would take a NUL for the end of the text.
  if (bytes.find('\0') != std::string_view::npos) return "not well-formed: a NUL character";
  if (may_have_more_attributes(bytes, limits.attributes))
    return "a start tag with more than " + std::to_string(limits.attributes) + " attributes";
  return {};
}

}  // namespace

const XmlAttribute* XmlElement::attribute(std::string_view attribute_name) const {
  for (const XmlAttribute& candidate : attributes) {
    if (candidate.ns.empty() && candidate.name == attribute_name) return &candidate;
  }
  return nullptr;
}

XmlText parse_xml(std::string_view bytes, const XmlLimits& limits) {
  // libxml2 wants its own tables set up before several threads parse.
  static const bool kReady = (xmlInitParser(), true);
  static_cast<void>(kReady);

  XmlText out;
  if (std::string why = refusal(bytes, limits); !why.empty()) {
    out.refusals.push_back({1, std::move(why)});
    return out;
  }
  const std::string_view encoding = declared_encoding(bytes);
  out.has_encoding = !encoding.empty();
  if (out.has_encoding && !is_utf8_name(encoding)) {
    out.problems.push_back({1, "the encoding is declared as '" + std::string(encoding) + "', not UTF-8"});
    if (std::any_of(bytes.begin(), bytes.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
      out.refusals.push_back({1, "declared as '" + std::string(encoding) + "' and not plain ASCII"});
      return out;
    }
  }
  const std::unique_ptr<xmlParserCtxt, ContextFree> context(
      xmlCreateMemoryParserCtxt(bytes.data(), static_cast<int>(bytes.size())));
  if (!context || context->sax == nullptr) {
    out.refusals.push_back({1, "no parser could be made"});
    return out;
  }
  Builder builder(bytes, limits, context.get(), out);
  xmlSAXHandler handler{};
  handler.initialized = XML_SAX2_MAGIC;
  handler.startElementNs = Builder::start;
  handler.endElementNs = Builder::end;
  handler.characters = Builder::text;
  handler.ignorableWhitespace = Builder::text;
  handler.cdataBlock = Builder::text;
  handler.internalSubset = Builder::document_type;
  handler.serror = Builder::error;
  *context->sax = handler;
  context->userData = &builder;
  // The encoding was judged above; libxml2 is not to convert, offsets would be lost.
  // XML_PARSE_NOENT turns "&amp;" in attribute values into "&" (without it SAX gets "&#38;"). Other entities cannot
  // exist: the parser is stopped at the DOCTYPE, before any declaration, and no handler would take one.
  xmlCtxtUseOptions(context.get(), XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_NOENT);
  const int status = xmlParseDocument(context.get());
  if ((status != 0 || context->wellFormed == 0) && out.refusals.empty()) out.refusals.push_back({1, "not well-formed"});
  // An element whose ends are not where they should be cannot be signed or checked; this would be a bug of ours.
  for (const XmlElement& element : out.elements) {
    if (!out.refusals.empty()) break;
    if (element.end < element.open_end || element.end > bytes.size() || bytes[element.end - 1] != '>')
      out.refusals.push_back({element.line, "the bytes of <" + element.name + "> cannot be told"});
  }
  if (!out.refusals.empty()) out.elements.clear();
  return out;
}

std::string xml_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\t':
      case '\n':
      case '\r':
        // Kept in attribute values only as references (XML 1.0 section 3.3.3).
        out += "&#" + std::to_string(static_cast<int>(c)) + ";";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace peerscope::reload
