// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the samples and suites as start inputs for the fuzz programs: `fuzz_seeds FOLDER`. Each program's inputs get a
// folder of its name below it.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "reference-impl/net/trace.h"
#include "tests/support/sample.h"

int main(int argc, char** argv) {
  using namespace peerscope;
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  const auto put = [&](const char* program, const std::string& name, const std::string& bytes) {
    std::filesystem::create_directories(folder / program);
    std::ofstream(folder / program / name, std::ios::binary) << bytes;
  };
  std::filesystem::create_directories(folder / "exported_harness_fuzz");
  for (const std::string& path : test::sample_paths("ppstp")) {
    const test::Sample sample = test::load_sample(path);
    const bool answer = sample.direction == Direction::kResponse;
    put("json_index_fuzz", sample.name, sample.bytes);
    put("ppstp_decode_fuzz", sample.name, (answer ? '\x03' : '\x01') + sample.bytes);
    put("ppstp_dissect_fuzz", sample.name, (answer ? '\x01' : '\x00') + sample.bytes);
    const std::string head = answer ? "HTTP/1.1 200 OK\r\n" : "POST / HTTP/1.1\r\nHost: a\r\n";
    const std::string http =
        head + "Content-Type: application/ppsp-tracker+json\r\nContent-Length: " + std::to_string(sample.bytes.size()) +
        "\r\n\r\n" + sample.bytes;
    put("http_net_fuzz", sample.name, http);
    put("http_net_fuzz", sample.name + "_chunked", head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    auto trace = net::TraceWriter::open(folder / "exported_harness_fuzz" / sample.name);
    const net::Endpoint client("192.0.2.2", 40000);
    const net::Endpoint server("192.0.2.1", 80);
    net::TracePdu pdu{
        .source = answer ? server : client, .destination = answer ? client : server, .bytes = http, .comment = {}};
    if (!trace || !trace->write(pdu) || !trace->close()) return 1;
  }
  for (const std::string& path : test::sample_paths("reload")) {
    const test::Sample sample = test::load_sample(path);
    put("reload_decode_fuzz", sample.name, sample.bytes);
  }
  std::filesystem::create_directories(folder / "scenario_harness_fuzz");
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::filesystem::path(PEERSCOPE_SOURCE_DIR) / "harness/suites")) {
    if (entry.path().extension() == ".yaml") {
      std::filesystem::copy_file(entry.path(), folder / "scenario_harness_fuzz" / entry.path().filename(),
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }
  return 0;
}
