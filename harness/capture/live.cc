// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/capture/live.h"

#include <fmt/format.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "reference-impl/net/pcapng.h"

namespace peerscope::harness {
namespace {

struct Packet {
  net::SystemTime time;
  std::uint32_t length;
  std::string bytes;
};

constexpr int kPollMilliseconds = 50;
constexpr std::size_t kMostBytes = 512U << 20;  // a forgotten capture must not eat the machine

}  // namespace

struct LiveCapture::State {
  pcap_t* pcap = nullptr;
  std::thread thread;
  std::atomic<bool> stopping{false};
  mutable std::mutex mutex;
  std::vector<Packet> packets;
  std::size_t bytes = 0;
  std::uint64_t dropped = 0;
  int link_type = 1;
};

LiveCapture::LiveCapture() : state_(std::make_unique<State>()) {}
LiveCapture::~LiveCapture() {
  stop();
}

namespace {

// Null with the reason in `why`.
pcap_t* open_interface(const std::string& interface, const std::string& filter, std::string& why) {
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  pcap_t* pcap = pcap_create(interface.c_str(), error.data());
  if (pcap == nullptr) return why = error.data(), nullptr;
  constexpr int kSnapLength = 262144;
  constexpr int kBufferBytes = 16 << 20;
  pcap_set_snaplen(pcap, kSnapLength);
  pcap_set_timeout(pcap, kPollMilliseconds);
  pcap_set_buffer_size(pcap, kBufferBytes);
  pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
  const auto fail = [&](const std::string& what) -> pcap_t* {
    why = what;
    pcap_close(pcap);
    return nullptr;
  };
  const int status = pcap_activate(pcap);
  if (status < 0)
    return fail(fmt::format("cannot capture on {}: {}", interface,
                            status == PCAP_ERROR_PERM_DENIED ? "no right to capture" : pcap_geterr(pcap)));
  bpf_program program{};
  if (pcap_compile(pcap, &program, filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
    return fail(fmt::format("capture filter '{}': {}", filter, pcap_geterr(pcap)));
  const int set = pcap_setfilter(pcap, &program);
  pcap_freecode(&program);
  if (set != 0) return fail(pcap_geterr(pcap));
  // A quiet interface would keep a blocking read, and so stop(), waiting for ever.
  if (pcap_setnonblock(pcap, 1, error.data()) != 0) return fail(error.data());
  return pcap;
}

}  // namespace

std::string LiveCapture::start(const std::string& interface, const std::string& filter) {
  std::string why;
  pcap_t* pcap = open_interface(interface, filter, why);
  if (pcap == nullptr) return why;
  state_->pcap = pcap;
  state_->link_type = pcap_datalink(pcap);
  const bool nanoseconds = pcap_get_tstamp_precision(pcap) == PCAP_TSTAMP_PRECISION_NANO;
  state_->thread = std::thread([state = state_.get(), nanoseconds] {
    while (!state->stopping) {
      pcap_pkthdr* header = nullptr;
      const u_char* data = nullptr;
      const int got = pcap_next_ex(state->pcap, &header, &data);
      if (got < 0) break;
      if (got == 0) {
        pollfd waiting{pcap_get_selectable_fd(state->pcap), POLLIN, 0};
        poll(&waiting, 1, kPollMilliseconds);
        continue;
      }
      const std::lock_guard lock(state->mutex);
      if (state->bytes + header->caplen > kMostBytes) {
        ++state->dropped;
        continue;
      }
      state->bytes += header->caplen;
      const auto fraction = std::chrono::nanoseconds(nanoseconds ? header->ts.tv_usec : header->ts.tv_usec * 1000);
      const auto time = std::chrono::seconds(header->ts.tv_sec) + fraction;
      state->packets.push_back({net::SystemTime(std::chrono::duration_cast<net::SystemTime::duration>(time)),
                                header->len, std::string(reinterpret_cast<const char*>(data), header->caplen)});
    }
  });
  return {};
}

void LiveCapture::stop() {
  if (state_->pcap == nullptr) return;
  // What was sent just now is still on its way from the kernel.
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  state_->stopping = true;
  if (state_->thread.joinable()) state_->thread.join();
  pcap_stat statistics{};
  if (pcap_stats(state_->pcap, &statistics) == 0) state_->dropped += statistics.ps_drop;
  pcap_close(state_->pcap);
  state_->pcap = nullptr;
}

std::uint64_t LiveCapture::packets() const {
  const std::lock_guard lock(state_->mutex);
  return state_->packets.size();
}

std::uint64_t LiveCapture::dropped() const {
  return state_->dropped;
}

std::string LiveCapture::write(const std::string& path, const std::string& key_log) const {
  auto writer = net::PcapngWriter::open(path, "peerscope");
  if (!writer) return writer.error().message;
  net::PcapngInterface interface;
  interface.link_type = static_cast<std::uint16_t>(state_->link_type);
  const auto index = writer->add_interface(interface);
  if (!index) return index.error().message;
  if (!key_log.empty()) {
    if (auto result = writer->add_tls_secrets(key_log); !result) return result.error().message;
  }
  const std::lock_guard lock(state_->mutex);
  for (const Packet& packet : state_->packets) {
    net::PcapngPacket out;
    out.interface = *index;
    out.time = packet.time;
    out.bytes = packet.bytes;
    out.original_length = packet.length;
    if (auto result = writer->write(out); !result) return result.error().message;
  }
  const auto closed = writer->close();
  return closed ? "" : closed.error().message;
}

struct PacketPipe::State {
  pcap_t* pcap = nullptr;
  pcap_dumper_t* file = nullptr;
  std::thread thread;
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> packets{0};
  std::uint64_t dropped = 0;
};

PacketPipe::PacketPipe() : state_(std::make_unique<State>()) {}
PacketPipe::~PacketPipe() {
  stop();
}

std::string PacketPipe::start(const std::string& interface, const std::string& filter, int descriptor,
                              std::function<bool()> over) {
  std::string why;
  state_->pcap = open_interface(interface, filter, why);
  std::FILE* file = state_->pcap != nullptr ? fdopen(descriptor, "wb") : nullptr;
  if (file == nullptr) {
    close(descriptor);
    return why.empty() ? "cannot write to a pipe" : why;
  }
  state_->file = pcap_dump_fopen(state_->pcap, file);
  if (state_->file == nullptr) {
    std::fclose(file);
    return pcap_geterr(state_->pcap);
  }
  pcap_dump_flush(state_->file);  // the header: the reader starts with it
  state_->thread = std::thread([state = state_.get(), over = std::move(over)] {
    while (!state->stopping && !over()) {
      pcap_pkthdr* header = nullptr;
      const u_char* data = nullptr;
      const int got = pcap_next_ex(state->pcap, &header, &data);
      if (got < 0) break;
      if (got == 1) {
        pcap_dump(reinterpret_cast<u_char*>(state->file), header, data);
        ++state->packets;
        continue;
      }
      // Nothing more for now: what came goes on. A reader that is gone ends it.
      if (pcap_dump_flush(state->file) != 0) break;
      pollfd waiting{pcap_get_selectable_fd(state->pcap), POLLIN, 0};
      poll(&waiting, 1, kPollMilliseconds);
    }
    pcap_dump_close(state->file);
    state->file = nullptr;
  });
  return {};
}

void PacketPipe::stop() {
  state_->stopping = true;
  if (state_->thread.joinable()) state_->thread.join();
  if (state_->pcap == nullptr) return;
  pcap_stat statistics{};
  if (pcap_stats(state_->pcap, &statistics) == 0) state_->dropped = statistics.ps_drop;
  pcap_close(state_->pcap);
  state_->pcap = nullptr;
}

std::uint64_t PacketPipe::packets() const {
  return state_->packets;
}

std::uint64_t PacketPipe::dropped() const {
  return state_->dropped;
}

}  // namespace peerscope::harness
