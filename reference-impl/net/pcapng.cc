// SPDX-License-Identifier: GPL-2.0-or-later
// Block layouts: draft-ietf-opsawg-pcapng. Blocks are written in the byte order of this machine, as the format allows.
#include "reference-impl/net/pcapng.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <vector>

namespace peerscope::net {

namespace {

constexpr std::uint32_t kSectionHeader = 0x0A0D0D0A;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint32_t kDecryptionSecrets = 0x0000000A;
constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr std::uint32_t kTlsKeyLog = 0x544c534b;
constexpr std::uint16_t kOptComment = 1;
constexpr std::uint16_t kOptUserApplication = 4;
constexpr std::uint16_t kOptInterfaceName = 2;
constexpr std::uint16_t kOptInterfaceDescription = 3;
constexpr std::uint16_t kOptTimeResolution = 9;

// One block under construction: type and length first, body padded to 32 bits, length again.
class Block {
 public:
  explicit Block(std::uint32_t type) {
    put32(type);
    put32(0);
  }
  void put16(std::uint16_t v) { raw(&v, sizeof v); }
  void put32(std::uint32_t v) { raw(&v, sizeof v); }
  void put64(std::uint64_t v) { raw(&v, sizeof v); }
  void bytes(std::string_view data) {
    text_.append(data);
    text_.append((4 - text_.size() % 4) % 4, '\0');
  }
  void option(std::uint16_t code, std::string_view value) {
    value = value.substr(0, std::numeric_limits<std::uint16_t>::max());
    put16(code);
    put16(static_cast<std::uint16_t>(value.size()));
    bytes(value);
    options_ = true;
  }
  const std::string& finish() {
    if (options_) put32(0);  // opt_endofopt
    const auto length = static_cast<std::uint32_t>(text_.size() + 4);
    put32(length);
    std::memcpy(text_.data() + 4, &length, sizeof length);
    return text_;
  }

 private:
  void raw(const void* data, std::size_t size) { text_.append(static_cast<const char*>(data), size); }

  std::string text_;
  bool options_ = false;
};

}  // namespace

struct PcapngWriter::State {
  Sink sink;
  int fd = -1;
  std::string path;
  std::vector<PcapngInterface> interfaces;
  std::uint64_t packets = 0;
  bool failed = false;
  bool closed = false;

  ~State() {
    if (fd >= 0) ::close(fd);
  }

  Result<void> write(Block& block) {
    const std::string& bytes = block.finish();
    if (failed) return {};
    if (closed) return Error{ErrorKind::kLocal, "the capture file is closed"};
    if (sink) {
      if (sink(bytes)) return {};
      failed = true;
      return Error{ErrorKind::kLocal, "the capture could not be stored"};
    }
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const auto n = ::write(fd, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        failed = true;
        return Error{ErrorKind::kLocal, "cannot write '" + path + "': " + std::strerror(n < 0 ? errno : ENOSPC)};
      }
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
  }

  Result<void> write_section_header(std::string_view application, std::string_view comment) {
    Block block(kSectionHeader);
    block.put32(kByteOrderMagic);
    block.put16(1);
    block.put16(0);
    block.put64(std::numeric_limits<std::uint64_t>::max());  // section length not given
    if (!comment.empty()) block.option(kOptComment, comment);
    block.option(kOptUserApplication, application);
    return write(block);
  }
};

Result<PcapngWriter> PcapngWriter::open(const std::string& path, std::string_view application,
                                        std::string_view comment) {
  PcapngWriter writer({}, {}, {});
  writer.state_->path = path;
  writer.state_->fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (writer.state_->fd < 0) {
    return {ErrorKind::kLocal, "cannot create '" + path + "': " + std::strerror(errno)};
  }
  if (auto written = writer.state_->write_section_header(application, comment); !written) return written.error();
  return writer;
}

PcapngWriter::PcapngWriter(Sink sink, std::string_view application, std::string_view comment)
    : state_(std::make_unique<State>()) {
  state_->sink = std::move(sink);
  if (state_->sink) static_cast<void>(state_->write_section_header(application, comment));  // failed() tells
}

PcapngWriter::~PcapngWriter() = default;
PcapngWriter::PcapngWriter(PcapngWriter&&) noexcept = default;
PcapngWriter& PcapngWriter::operator=(PcapngWriter&&) noexcept = default;

Result<std::uint32_t> PcapngWriter::add_interface(const PcapngInterface& interface) {
  Block block(kInterfaceDescription);
  block.put16(interface.link_type);
  block.put16(0);
  block.put32(interface.snap_length);
  if (!interface.name.empty()) block.option(kOptInterfaceName, interface.name);
  if (!interface.description.empty()) block.option(kOptInterfaceDescription, interface.description);
  const char resolution = interface.nanoseconds ? 9 : 6;
  block.option(kOptTimeResolution, {&resolution, 1});
  if (auto written = state_->write(block); !written) return written.error();
  state_->interfaces.push_back(interface);
  return static_cast<std::uint32_t>(state_->interfaces.size() - 1);
}

Result<void> PcapngWriter::write(const PcapngPacket& packet) {
  if (packet.interface >= state_->interfaces.size()) return {ErrorKind::kLocal, "no such capture interface"};
  const bool nanoseconds = state_->interfaces[packet.interface].nanoseconds;
  const std::int64_t since = packet.time.time_since_epoch().count();
  const auto stamp = static_cast<std::uint64_t>(since < 0 ? 0 : nanoseconds ? since : since / 1000);
  Block block(kEnhancedPacket);
  block.put32(packet.interface);
  block.put32(static_cast<std::uint32_t>(stamp >> 32));
  block.put32(static_cast<std::uint32_t>(stamp));
  // Wireshark and libpcap refuse records beyond this: the rest of a larger one is told by its length only.
  constexpr std::size_t kLargestRecord = 256 << 10;
  const std::string_view captured = std::string_view(packet.bytes).substr(0, kLargestRecord);
  block.put32(static_cast<std::uint32_t>(captured.size()));
  block.put32(packet.original_length != 0 ? packet.original_length : static_cast<std::uint32_t>(packet.bytes.size()));
  block.bytes(captured);
  if (!packet.comment.empty()) block.option(kOptComment, packet.comment);
  auto written = state_->write(block);
  if (written && !state_->failed) ++state_->packets;
  return written;
}

Result<void> PcapngWriter::add_tls_secrets(std::string_view key_log) {
  if (key_log.empty()) return {};
  Block block(kDecryptionSecrets);
  block.put32(kTlsKeyLog);
  block.put32(static_cast<std::uint32_t>(key_log.size()));
  block.bytes(key_log);
  return state_->write(block);
}

Result<void> PcapngWriter::close() {
  if (state_->closed) return {};
  state_->closed = true;
  if (state_->fd < 0) return {};
  const int fd = state_->fd;
  state_->fd = -1;
  // Some file systems report a full disk only here.
  if (::close(fd) != 0 && !state_->failed) {
    state_->failed = true;
    return {ErrorKind::kLocal, "cannot write '" + state_->path + "': " + std::strerror(errno)};
  }
  return {};
}

bool PcapngWriter::failed() const {
  return state_->failed;
}
std::uint64_t PcapngWriter::packets() const {
  return state_->packets;
}

}  // namespace peerscope::net
