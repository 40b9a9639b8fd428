// SPDX-License-Identifier: GPL-2.0-or-later
// A copy of a capture with a packet comment on each finding: it opens in any Wireshark.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "harness/engine/verdict.h"
#include "protocols/base/protocol.h"

namespace peerscope::harness {

// Copies a pcapng file block by block and adds the comments to its packets, counted from 1 as Wireshark does.
// A file that breaks off is copied up to there.
// (editcap 4.0 refuses files whose secrets stand before their interfaces, which is how it writes them itself.) Returns
// what went wrong, for people; empty when written.
std::string add_comments(const std::string& from, const std::string& to,
                         const std::map<std::uint64_t, std::string>& comments);

// The same for a capture in any format; a pcap file is made a pcapng file on the way.
std::string annotate_capture(const std::string& from, const std::string& to,
                             const std::map<std::uint64_t, std::string>& comments);

// The comments of a check, by frame. Bounded: beyond the limit findings are counted and not kept.
class FindingComments {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{64} << 20;
  explicit FindingComments(std::size_t most_bytes = kMostBytes) : most_bytes_(most_bytes) {}

  // Notes are left out: they are nobody's fault.
  void add(const RuleHit& hit);
  const std::map<std::uint64_t, std::string>& by_frame() const { return comments_; }
  std::size_t left_out() const { return left_out_; }

 private:
  std::map<std::uint64_t, std::string> comments_;
  std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::size_t left_out_ = 0;
};

}  // namespace peerscope::harness
