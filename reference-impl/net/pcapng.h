// SPDX-License-Identifier: GPL-2.0-or-later
// Writer of pcapng files: one section, several interfaces, packets with comments, TLS secrets.
//
// Ownership: owns its file; the caller's strings are copied out before return. Failure: the first failed write (disk
// full,
// ...) returns an Error, once; later calls do nothing and succeed, so that a full disk never stops what is traced; ask
// failed(). Threading: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "reference-impl/net/clock.h"
#include "reference-impl/net/result.h"

namespace peerscope::net {

inline constexpr std::uint16_t kLinkTypeEthernet = 1;
inline constexpr std::uint16_t kLinkTypeRawIp = 101;
inline constexpr std::uint16_t kLinkTypeUpperPdu = 252;  // LINKTYPE_WIRESHARK_UPPER_PDU

struct PcapngInterface {
  std::uint16_t link_type = kLinkTypeEthernet;
  std::uint32_t snap_length = 0;  // 0: no limit
  bool nanoseconds = true;        // otherwise microseconds
  std::string name;
  std::string description;
};

struct PcapngPacket {
  std::uint32_t interface = 0;  // as returned by add_interface
  SystemTime time{};
  std::string_view bytes;
  std::uint32_t original_length = 0;  // 0: as captured
  std::string_view comment;           // opt_comment, shown by Wireshark as packet comment
};

class PcapngWriter {
 public:
  // Returns false when the bytes could not be stored. Called once per block.
  using Sink = std::function<bool(std::string_view block)>;

  // Creates or truncates the file and writes the section header.
  static Result<PcapngWriter> open(const std::string& path, std::string_view application = "peerscope",
                                   std::string_view comment = {});
  PcapngWriter(Sink sink, std::string_view application, std::string_view comment = {});
  ~PcapngWriter();
  PcapngWriter(PcapngWriter&&) noexcept;
  PcapngWriter& operator=(PcapngWriter&&) noexcept;

  Result<std::uint32_t> add_interface(const PcapngInterface& interface);
  // Every block is in the file when the call returns, so a killed program loses nothing.
  Result<void> write(const PcapngPacket& packet);
  // TLS secrets (NSS key log lines). Readers use them for the packets that follow.
  Result<void> add_tls_secrets(std::string_view key_log);
  Result<void> close();

  bool failed() const;
  std::uint64_t packets() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace peerscope::net
