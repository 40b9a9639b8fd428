// SPDX-License-Identifier: GPL-2.0-or-later
// XML text -> a flat list of elements with their byte ranges, for the configuration document. Bounded in size, depth
// and number; no document type, hence no entities but the five that XML predefines; nothing is ever fetched. Plain
// function, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace peerscope::reload {

struct XmlLimits {
  std::size_t bytes = 4U << 20;
  std::size_t depth = 32;
  std::size_t elements = 65536;
  std::size_t attributes = 256;  // of one element; libxml2 compares each with each
};

struct XmlAttribute {
  std::string ns;  // namespace name; empty without prefix
  std::string name;
  std::string value;
};

struct XmlElement {
  std::string ns;
  std::string name;
  std::vector<XmlAttribute> attributes;
  std::string text;                     // the element's own text, without that of its children
  std::vector<std::uint32_t> children;  // indices, in document order
  std::size_t begin = 0;                // of the '<' of its start tag
  std::size_t open_end = 0;             // one past the '>' of its start tag
  std::size_t end = 0;                  // one past the '>' of its end tag
  int line = 0;                         // 1-based, of `begin`

  const XmlAttribute* attribute(std::string_view attribute_name) const;  // of no namespace
};

struct XmlProblem {
  int line = 0;
  std::string text;
};

struct XmlText {
  std::vector<XmlElement> elements;  // the root first; empty when the text is refused
  std::vector<XmlProblem> refusals;  // why: not well-formed, over a limit, not UTF-8, ...
  std::vector<XmlProblem> problems;  // read all the same
  bool has_encoding = false;         // an encoding declaration is there
};

XmlText parse_xml(std::string_view bytes, const XmlLimits& limits = {});

// With the characters replaced that text and attribute values may not have.
std::string xml_escape(std::string_view text);

}  // namespace peerscope::reload
