// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the samples and suites as start inputs for the fuzz programs: `fuzz_seeds FOLDER`. Each program's inputs get a
// folder of its name below it.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "protocols/alto/messages.h"
#include "protocols/reload/security/authority.h"
#include "reference-impl/net/trace.h"
#include "tests/support/sample.h"
#include "tests/support/tracker_scene.h"

namespace {

// As tracker_stories_fuzz takes it.
std::string conversation(const peerscope::test::TrackerScene& scene) {
  std::string out;
  std::vector<std::string> ends;
  const auto number_of = [&](const peerscope::test::Endpoint& end) {
    const std::string name = std::to_string(end.address) + ':' + std::to_string(end.port);
    const auto at = std::find(ends.begin(), ends.end(), name);
    if (at != ends.end()) return static_cast<int>(at - ends.begin()) & 3;
    ends.push_back(name);
    return static_cast<int>(ends.size() - 1) & 3;
  };
  for (const peerscope::test::Said& one : scene.said) {
    const int head = (one.ppstp ? 0 : 1) | (one.request ? 0 : 2) | number_of(one.from) << 2 | number_of(one.to) << 4;
    out += static_cast<char>(head);
    out += '\x05';
    out += static_cast<char>(one.bytes.size() & 0xff);
    out += static_cast<char>(one.bytes.size() >> 8);
    out += one.bytes;
  }
  return out;
}

std::string tracker_conversation(bool together) {
  using peerscope::test::TrackerScene;
  TrackerScene scene;
  scene.connect(TrackerScene::kA, "peer-1", {{"movie", "JOIN"}});
  if (together)
    scene.store_together(TrackerScene::kA, {"peer-1", "peer-2"}, "movie");
  else
    scene.store(TrackerScene::kA, "peer-1", "movie");
  scene.stored();
  scene.fetch(TrackerScene::kA, "movie");
  scene.fetched({{TrackerScene::kB, "peer-3"}});
  scene.ok({{"movie", {"peer-3"}}});
  scene.status(TrackerScene::kA, "peer-1", {"movie"});
  scene.stored();
  scene.find(TrackerScene::kA, "peer-1", "movie");
  scene.ok({{"movie", {"peer-3"}}});
  scene.connect(TrackerScene::kA, "peer-1", {{"movie", "LEAVE"}});
  scene.store(TrackerScene::kA, "peer-1", "movie", false);
  scene.error(peerscope::reload::kForbidden);
  scene.failed(3);
  return conversation(scene);
}

}  // namespace

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
    for (const char way : {'\x00', '\x01', '\x16', '\x03'})
      put("reload_dissect_fuzz", sample.name + std::to_string(way), way + sample.bytes);
    // As it is; put into the node's overlay, to the node, signed; as frames of a stream and of datagrams.
    for (const char way : {'\x00', '\x1c'})
      put("reload_node_role_fuzz", sample.name + std::to_string(way), way + sample.bytes);
    for (const char way : {'\x01', '\x1e'})
      put("reload_node_role_fuzz", sample.name + std::to_string(way), std::string({way, '\xff'}) + sample.bytes);
  }
  for (const std::string& path : test::sample_paths("alto")) {
    const test::Sample sample = test::load_sample(path);
    for (std::size_t i = 0; i < alto::kMessageCount; ++i) {
      if (sample.message == alto::kMessages[i].name)
        put("alto_decode_fuzz", sample.name, static_cast<char>(i) + sample.bytes);
    }
    const bool stream = sample.message == alto::kEventStreamMessage.name;
    for (const char way : stream ? std::string("\x02\x4c\x1e\x84") : std::string("\x08\x09"))
      put("alto_dissect_fuzz", sample.name + std::to_string(way), way + sample.bytes);
    if (stream) put("alto_client_role_fuzz", sample.name, '\x21' + sample.bytes);
  }
  std::filesystem::create_directories(folder / "scenario_harness_fuzz");
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::filesystem::path(PEERSCOPE_SOURCE_DIR) / "harness/suites")) {
    if (entry.path().extension() == ".yaml") {
      std::filesystem::copy_file(entry.path(), folder / "scenario_harness_fuzz" / entry.path().filename(),
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }
  // Certificates of every kind, a request, a URI and PEM text; the example document and one of our own.
  namespace rl = reload;
  rl::SystemRandom random;
  const rl::Validity valid{1700000000, 1800000000};
  for (const rl::KeyType type : {rl::KeyType::kRsa2048, rl::KeyType::kP256}) {
    const std::string suffix = type == rl::KeyType::kP256 ? "_ec" : "_rsa";
    const auto key = rl::generate_key(type);
    if (!key) return 1;
    const auto authority = rl::Authority::create(*key, "Root", valid, random);
    if (!authority) return 1;
    rl::IssueOptions options;
    options.validity = valid;
    options.names = {"overlay.example.org", {std::string(16, '\x11'), std::string(16, '\x22')}, "alice@example.org"};
    const auto leaf = authority->issue_for_key(key->spki(), options, random);
    rl::SelfSignedOptions self;
    self.validity = valid;
    self.overlay = "overlay.example.org";
    self.user_name = "alice@example.org";
    self.node_ids = 2;
    const auto self_signed = rl::make_self_signed_certificate(*key, self, random);
    const auto csr = rl::make_csr(*key, "alice@example.org");
    if (!leaf || !self_signed || !csr) return 1;
    put("certificate_fuzz", "root" + suffix, authority->certificate()->der());
    put("certificate_fuzz", "leaf" + suffix, *leaf);
    put("certificate_fuzz", "self" + suffix, *self_signed);
    put("certificate_fuzz", "csr" + suffix, *csr);
    put("certificate_fuzz", "pem" + suffix, rl::certificate_to_pem(*leaf));
  }
  put("tracker_stories_fuzz", "alone", tracker_conversation(false));
  put("tracker_stories_fuzz", "together", tracker_conversation(true));
  put("certificate_fuzz", "uri", rl::make_reload_uri(std::string(16, '\x11'), "overlay.example.org"));
  std::filesystem::create_directories(folder / "config_document_fuzz");
  std::filesystem::copy_file(
      std::filesystem::path(PEERSCOPE_SOURCE_DIR) / "tests/reload_security/fixtures/rfc6940-11.1.relo",
      folder / "config_document_fuzz" / "rfc6940-11.1.relo", std::filesystem::copy_options::overwrite_existing);
  return 0;
}
