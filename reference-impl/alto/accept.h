// SPDX-License-Identifier: GPL-2.0-or-later
// What a client takes: Accept and its relatives (RFC 9110 section 12.5).
#pragma once

#include <string>
#include <string_view>

namespace peerscope::alto {

// Without parameters, in lower case (A-HTTP-21).
std::string bare_media_type(std::string_view header);
// Whether Accept covers the type; an absent header covers all.
bool accepts(std::string_view header, std::string_view media_type);
// Whether Accept-Encoding asks for the coding; an absent header does not.
bool accepts_coding(std::string_view header, std::string_view coding);
// If-None-Match: a list of entity tags, or "*" (RFC 9110 section 13.1.2; weak comparison).
bool names_tag(std::string_view header, std::string_view tag);

}  // namespace peerscope::alto
