// SPDX-License-Identifier: GPL-2.0-or-later
// What an exported message says of the layers that its export leaves out. The plugin's export and the harness's flow
// files write it, both read it. Texts are short and without memory of their own, so that a dissector may hold them
// while epan unwinds by long jump.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocols/base/message.h"

namespace peerscope {

// A header of the exported HTTP message: "h1; tls", "h2; clear; body 3 part 0".
inline constexpr std::string_view kTransportHeader = "Peerscope-Transport";
using ExportedText = std::array<char, 64>;  // ends with a zero byte
ExportedText carriage_text(const Transport& transport);
// Sets http_version to 20 where the text says so, the security and the part of a body as far as it tells them.
void read_carriage(std::string_view text, Transport& transport);

// libpcap reads no record above 256 KiB; this leaves room for the tags. A larger message comes as records in a row,
// with "HTTPS part 2/7" in the Protocol column.
inline constexpr std::size_t kLargestRecord = (256U << 10) - 4096;
struct RecordPart {
  std::string_view column;   // without the part
  std::uint32_t number = 0;  // from 1
  std::uint32_t count = 0;
};
ExportedText record_part_text(const RecordPart& part);
// Nothing when the column names no part; number 0 when it cannot be read.
std::optional<RecordPart> read_record_part(std::string_view column);

}  // namespace peerscope
