// SPDX-License-Identifier: GPL-2.0-or-later
// The built peerscope.so as Wireshark loads it. Everything else runs in process, where the loader is not involved.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "dissectors/epan/ws_compat.h"

namespace peerscope::test {
namespace {

std::filesystem::path plugin_file() {
  const std::string version = std::to_string(WIRESHARK_VERSION_MAJOR) + "." + std::to_string(WIRESHARK_VERSION_MINOR);
  return std::filesystem::path(PEERSCOPE_PLUGIN_ROOT) / version / "epan" / "peerscope.so";
}

TEST(PluginFile, ExportsWhatTheLoaderAsksFor) {
  void* file = dlopen(plugin_file().c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(file, nullptr) << dlerror();
  for (const char* name :
       {"plugin_version", "plugin_want_major", "plugin_want_minor", "plugin_register", "plugin_describe"}) {
    EXPECT_NE(dlsym(file, name), nullptr) << name;
  }
  EXPECT_EQ(*static_cast<const int*>(dlsym(file, "plugin_want_major")), WIRESHARK_VERSION_MAJOR);
  EXPECT_EQ(*static_cast<const int*>(dlsym(file, "plugin_want_minor")), WIRESHARK_VERSION_MINOR);
}

std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> buffer;
  for (std::size_t n; pipe != nullptr && (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    out.append(buffer.data(), n);
  if (pipe != nullptr) pclose(pipe);
  return out;
}

// A tshark with these plugin files in its folder and nothing else. Wireshark ignores every personal plugin folder when
// it runs as root, so it steps down.
class Tshark {
 public:
  explicit Tshark(const std::vector<std::string>& names)
      : home_(std::filesystem::temp_directory_path() / ("peerscope-load-" + std::to_string(getpid()))) {
    const auto folder = home_ / plugin_file().parent_path().parent_path().filename() / "epan";
    std::filesystem::create_directories(folder);
    for (const std::string& name : names) std::filesystem::copy_file(plugin_file(), folder / name);
  }
  ~Tshark() { std::filesystem::remove_all(home_); }
  std::string run(const std::string& arguments) const {
    const std::string step_down = getuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : "";
    return output_of(step_down + "env HOME=" + home_.string() + " WIRESHARK_PLUGIN_DIR=" + home_.string() + " tshark " +
                     arguments + " 2>&1");
  }

  // To where the user that runs tshark can read it.
  std::string copy(const std::filesystem::path& file) const {
    std::filesystem::copy_file(file, home_ / file.filename());
    return home_ / file.filename();
  }

 private:
  std::filesystem::path home_;
};

#ifdef __SANITIZE_ADDRESS__
#define PEERSCOPE_NEEDS_PLAIN_BUILD() GTEST_SKIP() << "tshark has no sanitizer runtime to load this plugin with"
#else
#define PEERSCOPE_NEEDS_PLAIN_BUILD() static_cast<void>(0)
#endif

TEST(PluginFile, IsListedByTshark) {
  PEERSCOPE_NEEDS_PLAIN_BUILD();
  const Tshark tshark({"peerscope.so"});
  const std::string plugins = tshark.run("-G plugins");
  EXPECT_NE(plugins.find("peerscope.so"), std::string::npos) << plugins;
  EXPECT_NE(tshark.run("-G protocols").find("\tPPSTP\tppstp\n"), std::string::npos);
  EXPECT_NE(tshark.run("-G fields").find("\tppstp.peer_id\tFT_STRING\t"), std::string::npos);
}

TEST(PluginFile, ShowsReloadStatistics) {
  PEERSCOPE_NEEDS_PLAIN_BUILD();
  const Tshark tshark({"peerscope.so"});
  const std::string capture =
      tshark.copy(std::filesystem::path(PEERSCOPE_SOURCE_DIR) / "captures/reload/store_over_four_nodes/flow.pcapng");
  const std::string tree = tshark.run("-q -r " + capture + " -z relo,tree");
  for (const char* line : {"Messages", "store_req", "store_ans", "frame ack", "Kinds stored", "16 CERTIFICATE_BY_USER"})
    EXPECT_NE(tree.find(line), std::string::npos) << line << " is not in " << tree;
  const std::string times = tshark.run("-q -r " + capture + " -z relo,srt");
  EXPECT_NE(times.find("store_req"), std::string::npos) << times;
  const std::string nodes = tshark.run("-q -r " + capture + " -z endpoints,relo");
  EXPECT_NE(nodes.find("10:10:10:10:10:10"), std::string::npos) << nodes;
  const std::string pairs = tshark.run("-q -r " + capture + " -z conv,relo");
  EXPECT_NE(pairs.find("d0:d0:d0:d0"), std::string::npos) << pairs;
  const std::string hops =
      tshark.run("-2 -r " + capture + " -Y relo.transaction -T fields -e relo.transaction.hop -e relo.response_time");
  EXPECT_NE(hops.find("3\t0.0"), std::string::npos) << hops;
  // By the heuristic alone, with the port given away.
  const std::string elsewhere = tshark.run("-r " + capture + " -o relo.tls.port:1 -o relo.tcp.port:1 -Y relo");
  EXPECT_NE(elsewhere.find("store_req CERTIFICATE_BY_USER x1"), std::string::npos) << elsewhere;
}

// A second copy stands for a later Wireshark that owns the names.
TEST(PluginFile, GivesWayWhenItsNamesAreTaken) {
  PEERSCOPE_NEEDS_PLAIN_BUILD();
  const Tshark tshark({"first.so", "second.so"});
  const std::string fields = tshark.run("-G fields");
  EXPECT_NE(fields.find("\tppstp.peer_id\tFT_STRING\t"), std::string::npos) << fields.substr(0, 500);
  EXPECT_NE(fields.find("\tpeerscope_ppstp.peer_id\tFT_STRING\t"), std::string::npos);
}

}  // namespace
}  // namespace peerscope::test
