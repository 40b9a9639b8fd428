// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/accept.h"

#include <algorithm>

namespace peerscope::alto {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

// Calls body(item) for each element of a list; stops when that returns true.
template <class F>
bool any_item(std::string_view list, F&& body) {
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(item.size() + 1, list.size()));
    if (!trim(item).empty() && body(trim(item))) return true;
  }
  return false;
}

// "q=0" means: not this one.
bool refused(std::string_view item) {
  const std::string text = lower(item);
  const std::size_t at = text.find("q=");
  if (at == std::string::npos) return false;
  const std::string_view weight = std::string_view(text).substr(at + 2);
  return weight.starts_with('0') && weight.find_first_of("123456789") == std::string_view::npos;
}

}  // namespace

std::string bare_media_type(std::string_view header) {
  return lower(trim(header.substr(0, header.find(';'))));
}

bool accepts(std::string_view header, std::string_view media_type) {
  if (trim(header).empty()) return true;
  const std::string family = std::string(media_type.substr(0, media_type.find('/'))) + "/*";
  return any_item(header, [&](std::string_view item) {
    const std::string range = bare_media_type(item);
    return (range == "*/*" || range == family || range == media_type) && !refused(item);
  });
}

bool accepts_coding(std::string_view header, std::string_view coding) {
  return any_item(header, [&](std::string_view item) {
    const std::string name = bare_media_type(item);
    return (name == coding || name == "*") && !refused(item);
  });
}

bool names_tag(std::string_view header, std::string_view tag) {
  return any_item(header, [&](std::string_view item) {
    if (item.starts_with("W/")) item.remove_prefix(2);
    return item == "*" || item == tag;
  });
}

}  // namespace peerscope::alto
