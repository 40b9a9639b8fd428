// SPDX-License-Identifier: GPL-2.0-or-later
// Content codings of HTTP (RFC 9110 section 8.4.1): gzip and deflate.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "reference-impl/net/result.h"

namespace peerscope::net {

// `bytes` without the codings that `content_encoding` lists, the last one taken off first. kMalformed when a coding is
// unknown or its data broken, kTooLarge beyond `limit` bytes: a small body may stand for a huge one.
Result<std::string> decode_content(std::string_view content_encoding, std::string_view bytes, std::size_t limit);

Result<std::string> gzip(std::string_view bytes);

}  // namespace peerscope::net
