// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/capture/annotate.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "harness/engine/process.h"
#include "protocols/base/source.h"

namespace peerscope::harness {
namespace {

// Block types and layout: draft-ietf-opsawg-pcapng.
constexpr std::uint32_t kSectionHeader = 0x0A0D0D0A;
constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr std::uint32_t kObsoletePacket = 2;
constexpr std::uint32_t kSimplePacket = 3;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint16_t kComment = 1;
constexpr std::size_t kLargestBlock = 256U << 20;

std::uint32_t number(std::string_view bytes, bool swapped) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * (swapped ? 3 - i : i));
  return value;
}

std::string number_bytes(std::uint32_t value, std::size_t width, bool swapped) {
  std::string out;
  for (std::size_t i = 0; i < width; ++i)
    out.push_back(static_cast<char>(value >> (8 * (swapped ? width - 1 - i : i)) & 0xff));
  return out;
}

// An enhanced packet block with one more option in front of those it has.
std::string with_comment(std::string_view block, const std::string& comment, bool swapped) {
  constexpr std::size_t kFixed = 28;  // up to the packet's bytes
  const std::size_t captured = number(block.substr(20), swapped);
  const std::size_t options = kFixed + (captured + 3) / 4 * 4;
  if (options + 4 > block.size()) return std::string(block);
  std::string option =
      number_bytes(kComment, 2, swapped) +
      number_bytes(static_cast<std::uint32_t>(std::min<std::size_t>(comment.size(), 0xffff)), 2, swapped) +
      comment.substr(0, 0xffff);
  option.resize((option.size() + 3) / 4 * 4, '\0');
  const bool none = options + 4 == block.size();
  if (none) option += std::string(4, '\0');  // end of options
  const auto length = static_cast<std::uint32_t>(block.size() + option.size());
  std::string out(block.substr(0, 4));
  out += number_bytes(length, 4, swapped);
  out += block.substr(8, options - 8);
  out += option;
  out += block.substr(options, block.size() - options - 4);
  return out + number_bytes(length, 4, swapped);
}

}  // namespace

std::string add_comments(const std::string& from, const std::string& to,
                         const std::map<std::uint64_t, std::string>& comments) {
  std::ifstream in(from, std::ios::binary);
  if (!in) return fmt::format("cannot read {}", from);
  std::ofstream out(to, std::ios::binary);
  if (!out) return fmt::format("cannot write {}", to);
  bool swapped = false;
  std::uint64_t frame = 0;
  for (;;) {
    std::string block(12, '\0');
    in.read(block.data(), 12);
    // A capture may break off in a block: the copy ends before it, where Wireshark's reading ends too.
    if (in.gcount() < 12) break;
    // The first word reads the same in both byte orders; what follows it tells the order of the section.
    if (number(block, false) == kSectionHeader)
      swapped = number(std::string_view(block).substr(8), false) != kByteOrderMagic;
    const std::uint32_t length = number(std::string_view(block).substr(4), swapped);
    if (length < 12 || length % 4 != 0 || length > kLargestBlock)
      return fmt::format("{}: not a pcapng file, or damaged after frame {}", from, frame);
    block.resize(length);
    in.read(block.data() + 12, static_cast<std::streamsize>(length - 12));
    if (in.gcount() != static_cast<std::streamsize>(length - 12)) break;
    const std::uint32_t type = number(block, swapped);
    if (type == kEnhancedPacket || type == kSimplePacket || type == kObsoletePacket) ++frame;
    const auto comment = type == kEnhancedPacket && length >= 32 ? comments.find(frame) : comments.end();
    if (comment != comments.end()) block = with_comment(block, comment->second, swapped);
    out << block;
  }
  out.close();
  return out ? "" : fmt::format("cannot write {}", to);
}

std::string annotate_capture(const std::string& from, const std::string& to,
                             const std::map<std::uint64_t, std::string>& comments) {
  std::array<char, 4> magic{};
  std::ifstream(from, std::ios::binary).read(magic.data(), magic.size());
  if (number({magic.data(), magic.size()}, false) == kSectionHeader) return add_comments(from, to, comments);
  const std::string converted = to + ".tmp";
  constexpr double kLongest = 600;
  const CommandResult run = run_command({"editcap", "-F", "pcapng", from, converted}, {}, kLongest);
  std::string error = run.error.empty() && run.status == 0
                          ? add_comments(converted, to, comments)
                          : fmt::format("editcap could not convert {}: {}{}", from, run.error, run.errors);
  unlink(converted.c_str());
  return error;
}

void FindingComments::add(const RuleHit& hit) {
  if (hit.verdict < Verdict::kWarn) return;
  const std::string text =
      fmt::format("{} {} ({}): {}", hit.rule->id, to_string(hit.verdict), source_text_of(*hit.rule), hit.detail);
  if (bytes_ + text.size() > most_bytes_) {
    ++left_out_;
    return;
  }
  bytes_ += text.size();
  std::string& comment = comments_[hit.frame];
  comment += (comment.empty() ? "" : "\n") + text;
}

}  // namespace peerscope::harness
