// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope matrix --iut FILE... | --captures FOLDER
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "cli/commands.h"
#include "cli/options.h"
#include "harness/engine/runner.h"
#include "harness/matrix/pair.h"
#include "harness/report/run_record.h"

namespace peerscope::cli {
namespace {

namespace fs = std::filesystem;
using namespace harness;

std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text) out += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' ? c : '-';
  return out;
}

// All pairs, with what came of each.
class Matrix {
 public:
  explicit Matrix(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_of(const std::string& client, const std::string& server) const {
    return fmt::format("{}/{}~{}", folder_, slug(client), slug(server));
  }

  // An error for people, or "".
  std::string add(const std::string& client, const std::string& server, const PairResult& result) {
    if (std::find(clients_.begin(), clients_.end(), client) == clients_.end()) clients_.push_back(client);
    if (std::find(servers_.begin(), servers_.end(), server) == servers_.end()) servers_.push_back(server);
    cells_[{client, server}] = std::string(to_string(result.attempt.verdict));
    verdicts_.push_back(result.attempt.verdict);
    std::printf("%s with %s: %s, %zu requests, %zu answers; the client broke %zu, the server %zu%s%s\n",
                printable(client).c_str(), printable(server).c_str(), cells_[{client, server}].c_str(), result.requests,
                result.answers, result.client_fails, result.server_fails, result.attempt.reason.empty() ? "" : ": ",
                printable(result.attempt.reason).c_str());
    std::fflush(stdout);
    const std::string folder = folder_of(client, server);
    if (std::string error = make_directory(folder); !error.empty()) return error;
    files_.push_back(folder + "/results.jsonl");
    return write_pair(result, fmt::format("{} with {}", client, server), files_.back(), PEERSCOPE_VERSION);
  }

  void table() const {
    constexpr std::size_t kWidth = 16;
    std::string text = fmt::format("\n{:<{}}", "client \\ server", kWidth);
    for (const std::string& server : servers_) text += fmt::format(" {:<{}}", server.substr(0, kWidth), kWidth);
    for (const std::string& client : clients_) {
      text += fmt::format("\n{:<{}}", client.substr(0, kWidth), kWidth);
      for (const std::string& server : servers_) {
        const auto cell = cells_.find({client, server});
        text += fmt::format(" {:<{}}", cell == cells_.end() ? "-" : cell->second, kWidth);
      }
    }
    std::printf("%s\n", printable(text).c_str());
  }

  int page() const {
    std::vector<RunRecord> runs;
    for (const std::string& path : files_) {
      std::string error;
      runs.push_back(read_run(path, error));
      if (!error.empty()) return fail(kExitHarness, error);
    }
    const std::string path = folder_ + "/matrix.html";
    std::ofstream file(path, std::ios::binary);
    file << to_html(runs, {.folder = fs::absolute(folder_).string()});
    file.close();
    if (!file) return fail(kExitHarness, "cannot write " + path);
    std::printf("page: %s\n", path.c_str());
    return exit_code(verdicts_);
  }

 private:
  std::string folder_;
  std::vector<std::string> clients_;
  std::vector<std::string> servers_;
  std::map<std::pair<std::string, std::string>, std::string> cells_;
  std::vector<Verdict> verdicts_;
  std::vector<std::string> files_;
};

// "anna~tracker.pcapng": the client and the server.
std::pair<std::string, std::string> names_of(const fs::path& capture) {
  const std::string stem = capture.stem();
  const std::size_t at = stem.find('~');
  if (at == std::string::npos) return {stem, "(in the capture)"};
  return {stem.substr(0, at), stem.substr(at + 1)};
}

std::string add_captures(const std::string& folder, Matrix& matrix) {
  std::error_code code;
  std::vector<fs::path> captures;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    const std::string ending = entry.path().extension();
    if (ending == ".pcapng" || ending == ".pcap") captures.push_back(entry.path());
  }
  if (code) return fmt::format("{}: {}", folder, code.message());
  if (captures.empty()) return fmt::format("{}: no captures (CLIENT~SERVER.pcapng) in it", folder);
  std::sort(captures.begin(), captures.end());
  for (const fs::path& capture : captures) {
    fs::path keys = capture;
    keys.replace_extension(".keys");
    const auto [client, server] = names_of(capture);
    const PairResult result = judge_pair(capture, fs::exists(keys, code) ? keys.string() : "", PEERSCOPE_VERSION);
    if (std::string error = matrix.add(client, server, result); !error.empty()) return error;
  }
  return {};
}

// Each client with each server of its protocol.
std::string add_pairs(const std::vector<IutFile>& iuts, const PairOptions& options, Matrix& matrix) {
  std::size_t pairs = 0;
  for (const IutFile& client : iuts) {
    for (const IutFile& server : iuts) {
      if (client.serves() || !server.serves()) continue;
      if (const std::string why = unfit_pair(client, server); !why.empty()) {
        std::printf("%s with %s: not run: %s\n", client.name.c_str(), server.name.c_str(), why.c_str());
        continue;
      }
      ++pairs;
      PairOptions one = options;
      one.folder = matrix.folder_of(client.name, server.name);
      if (std::string error = matrix.add(client.name, server.name, play_pair(client, server, one)); !error.empty())
        return error;
    }
  }
  return pairs > 0 ? "" : "no client and server of one protocol are among them";
}

}  // namespace

int matrix(int argc, char** argv) {
  CLI::App app{
      "Run every client against every server, the harness between them, or judge captures that others brought: a "
      "table, "
      "and one page.",
      "matrix"};
  std::vector<std::string> files;
  std::vector<std::string> folders;
  std::string out = "peerscope-matrix";
  PairOptions options;
  app.add_option("--iut", files, "IUT files of clients and servers (repeatable)");
  app.add_option("--captures", folders,
                 "folder of captures named CLIENT~SERVER.pcapng, keys beside them as CLIENT~SERVER.keys");
  app.add_option("-o,--out", out, "folder for matrix.html, results and evidence")->capture_default_str();
  app.add_option("--seconds", options.seconds, "most time for a pair")
      ->check(CLI::Range(1.0, 3600.0))
      ->capture_default_str();
  app.add_option("--quiet-after", options.quiet, "a pair without a request for so long is done")
      ->check(CLI::Range(0.2, 600.0))
      ->capture_default_str();
  app.add_option("--within", options.answer_within, "seconds to wait for an answer")
      ->check(CLI::Range(0.1, 600.0))
      ->capture_default_str();
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  if (files.empty() && folders.empty()) return fail(kExitUsage, "give --iut files, or --captures");
  std::vector<IutFile> iuts;
  std::set<std::string> names;
  for (const std::string& path : files) {
    std::string error;
    iuts.push_back(load_iut(path, error));
    if (!error.empty()) return fail(kExitUsage, error);
    if (!names.insert(iuts.back().name).second)
      return fail(kExitUsage, fmt::format("{}: the name {} is used twice", path, iuts.back().name));
  }
  if (const std::string error = make_directory(out); !error.empty()) return fail(kExitUsage, error);
  Matrix matrix(out);
  for (const std::string& folder : folders) {
    if (const std::string error = add_captures(folder, matrix); !error.empty()) return fail(kExitUsage, error);
  }
  if (!iuts.empty()) {
    if (const std::string error = add_pairs(iuts, options, matrix); !error.empty()) return fail(kExitUsage, error);
  }
  matrix.table();
  return matrix.page();
}

}  // namespace peerscope::cli
