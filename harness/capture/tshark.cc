// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/capture/tshark.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace peerscope::harness {
namespace {

namespace fs = std::filesystem;
constexpr const char* kPlugin = "peerscope.so";
constexpr const char* kNobody = "65534";
constexpr double kStartSeconds = 60;

// The line of `tshark -G plugins` for the plugin: name, version, kind, path, separated by tabs.
struct Listed {
  std::string version;
  std::string path;
};
Listed find_listed(const std::string& output) {
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(kPlugin)) continue;
    std::istringstream words(line);
    std::string name;
    std::string kind;
    Listed listed;
    words >> name >> listed.version >> kind >> listed.path;
    return listed;
  }
  return {};
}

// The folder that holds 4.0/epan/peerscope.so, or empty.
fs::path plugin_root() {
  std::vector<fs::path> candidates;
  std::error_code code;
  if (const char* given = std::getenv("PEERSCOPE_PLUGIN_DIR"); given != nullptr && *given != '\0')
    candidates.emplace_back(given);
  else
    candidates.push_back(fs::read_symlink("/proc/self/exe", code).parent_path() / "plugins");
  for (const fs::path& root : candidates) {
    for (const auto& entry : fs::directory_iterator(root, code)) {
      if (fs::exists(entry.path() / "epan" / kPlugin, code)) return root;
    }
  }
  return {};
}

// Whether this user namespace knows the uid; in the one that `unshare --map-root-user` makes it knows root alone.
bool is_mapped(unsigned uid) {
  std::ifstream map("/proc/self/uid_map");
  for (unsigned long inside = 0, outside = 0, count = 0; map >> inside >> outside >> count;) {
    if (uid >= inside && uid - inside < count) return true;
  }
  return false;
}

std::string first_lines(const std::string& text) {
  std::istringstream lines(text);
  std::string out;
  int count = 0;
  for (std::string line; count < 3 && std::getline(lines, line);) {
    if (line.empty() || line.find("Running as user \"root\"") != std::string::npos) continue;
    out += (out.empty() ? "" : " / ") + line;
    ++count;
  }
  return out;
}

}  // namespace

TsharkSetup prepare_tshark() {
  TsharkSetup setup;
  if (const char* given = std::getenv("PEERSCOPE_TSHARK"); given != nullptr && *given != '\0') setup.program = given;
  char folder[] = "/tmp/peerscope-XXXXXX";
  if (mkdtemp(folder) == nullptr) {
    setup.error = "cannot make a folder in /tmp";
    return setup;
  }
  setup.scratch = folder;
  chmod(folder, 0755);
  std::error_code code;
  // A user's own preferences must not change what is exported.
  fs::create_directories(setup.scratch + "/home", code);
  fs::permissions(setup.scratch + "/home", fs::perms::all, code);
  setup.environment["HOME"] = setup.scratch + "/home";
  setup.environment["WIRESHARK_CONFIG_DIR"] = setup.scratch + "/home";

  const fs::path root = plugin_root();
  if (!root.empty()) {
    const fs::path copy = fs::path(setup.scratch) / "plugins";
    fs::copy(root, copy, fs::copy_options::recursive, code);
    if (code) {
      setup.error =
          fmt::format("cannot copy the plugin from {} to {}: {}", root.string(), copy.string(), code.message());
      return setup;
    }
    setup.environment["WIRESHARK_PLUGIN_DIR"] = copy.string();
    // A build under a strict umask, or in a private folder, must be readable for the lowered uid.
    fs::permissions(copy,
                    fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec | fs::perms::others_read |
                        fs::perms::others_exec,
                    code);
    for (const auto& entry : fs::recursive_directory_iterator(copy, code)) {
      fs::permissions(entry.path(),
                      fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec | fs::perms::others_read |
                          fs::perms::others_exec,
                      code);
    }
    if (geteuid() == 0 && !is_mapped(65534))
      setup.prefix = {"unshare", "--user", "--map-user=1000", "--map-group=1000", "--"};
    else if (geteuid() == 0)
      // The kernel forgets the signal at a parent's death when the uid changes.
      setup.prefix = {"setpriv", "--reuid", kNobody, "--regid", kNobody, "--clear-groups", "--pdeathsig", "KILL", "--"};
  }
  return setup;
}

std::string verify_plugin(const TsharkSetup& setup, const std::string& version, bool& missing) {
  const CommandResult plugins = run_tshark(setup, {"-G", "plugins"}, kStartSeconds, {});
  // setpriv runs and finds no tshark: 127 and a word about it.
  missing = plugins.error.find("cannot run") != std::string::npos || plugins.status == 127 ||
            plugins.errors.find("failed to execute") != std::string::npos;
  if (missing) {
    return fmt::format(
        "tshark cannot be run ({}): install tshark (Debian: apt-get install tshark), or name it in PEERSCOPE_TSHARK",
        plugins.error.empty() ? first_lines(plugins.errors) : plugins.error);
  }
  if (!plugins.error.empty()) return plugins.error;
  const Listed listed = find_listed(plugins.output);
  if (listed.version.empty()) {
    const std::string said = first_lines(plugins.errors);
    const bool found = setup.environment.contains("WIRESHARK_PLUGIN_DIR");
    return fmt::format("tshark does not list the plugin {}{}{}; see docs/is-the-plugin-loaded.md", kPlugin,
                       found ? "" : " (none was found beside the program or in PEERSCOPE_PLUGIN_DIR)",
                       said.empty() ? "" : ": " + said);
  }
  if (listed.version != version)
    return fmt::format("the plugin {} has version {}, this program is {}: build or install both from one source",
                       listed.path, listed.version, version);
  return {};
}

TsharkSetup find_tshark(const std::string& version) {
  TsharkSetup setup = prepare_tshark();
  if (setup.error.empty()) setup.error = verify_plugin(setup, version, setup.missing);
  return setup;
}

void tear_down(const TsharkSetup& setup) {
  std::error_code code;
  if (!setup.scratch.empty()) fs::remove_all(setup.scratch, code);
}

CommandResult run_tshark(const TsharkSetup& setup, std::vector<std::string> arguments, double seconds,
                         const CommandFiles& files) {
  std::vector<std::string> command = setup.prefix;
  command.push_back(setup.program);
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_command(command, setup.environment, seconds, files);
}

std::string share(const TsharkSetup& setup, const std::string& path, std::string& error) {
  const std::string copy = setup.scratch + "/" + fs::path(path).filename().string();
  std::error_code code;
  fs::copy_file(path, copy, fs::copy_options::overwrite_existing, code);
  if (code) error = fmt::format("cannot read {}: {}", path, code.message());
  chmod(copy.c_str(), 0644);
  return copy;
}

}  // namespace peerscope::harness
