// SPDX-License-Identifier: GPL-2.0-or-later
// Runs the built program as a subprocess and reads what it left behind.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace peerscope::e2e {

namespace fs = std::filesystem;

inline std::string program() {
  return std::string(PEERSCOPE_BINARY_DIR) + "/peerscope";
}
inline std::string source(const std::string& path) {
  return std::string(PEERSCOPE_SOURCE_DIR) + "/tests/e2e/" + path;
}

inline std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

struct Ended {
  int code = -1;
  std::string output;  // both streams
};

// A command line for the shell; words with blanks are quoted by the caller.
inline Ended shell(const std::string& command) {
  Ended ended;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ended;
  char buffer[4096];
  for (std::size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) ended.output.append(buffer, n);
  const int status = pclose(pipe);
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ended;
}

// A folder that goes away with the test.
class Folder {
 public:
  Folder() {
    static std::atomic<int> number{0};
    path_ = fs::temp_directory_path() / ("peerscope-e2e-" + std::to_string(getpid()) + "-" + std::to_string(++number));
    fs::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

inline std::string write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

// The value of a text member of one line of results.jsonl. Ids and verdicts need no unescaping.
inline std::string member(const std::string& line, const std::string& name) {
  const std::string key = "\"" + name + "\":\"";
  const std::size_t at = line.find(key);
  return at == std::string::npos ? "" : line.substr(at + key.size(), line.find('"', at + key.size()) - at - key.size());
}

struct Outcome {
  Ended ended;
  std::map<std::string, std::string> requirements;  // id -> verdict
  std::string results;                              // the whole file
};

// `peerscope run` with an IUT file into a folder of its own.
inline Outcome run(const std::string& iut, const std::string& arguments, const Folder& folder,
                   const std::string& name = "out") {
  Outcome outcome;
  outcome.ended = shell(program() + " run --iut " + iut + " --out " + (folder / name) + " " + arguments);
  outcome.results = read_file(folder / (name + "/results.jsonl"));
  std::istringstream lines(outcome.results);
  for (std::string line; std::getline(lines, line);) {
    if (member(line, "type") == "requirement") outcome.requirements[member(line, "id")] = member(line, "verdict");
  }
  return outcome;
}

// An IUT file of tests/e2e/iut with more words at the end of its command.
inline std::string iut_with(const std::string& name, const std::string& words, const Folder& folder,
                            const std::string& as) {
  std::string text = read_file(source("iut/" + name + ".yaml"));
  text = std::regex_replace(text, std::regex("\\$\\{here\\}"), source("iut"));
  text = std::regex_replace(text, std::regex("(exec: \\[.*)\\]"), "$1, " + words + "]");
  text = std::regex_replace(text, std::regex("(data: \\[|, )(\\.\\./foreign)"), "$1" + source("iut") + "/$2");
  return write(folder / (as + ".yaml"), text);
}

// A row of `--defect list` or `--fault list`: name, requirement ids, text.
struct Row {
  std::string name;
  std::vector<std::string> requirements;
};
inline std::vector<Row> rows(const std::string& listing) {
  std::vector<Row> out;
  std::istringstream lines(listing);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Row row;
    words >> row.name;
    for (std::string word; words >> word && (word.starts_with("P-") || word.starts_with("A-"));)
      row.requirements.push_back(word);
    if (!row.requirements.empty()) out.push_back(std::move(row));
  }
  return out;
}

// Two at a time: the machine has few cores, and much of the time is waiting.
inline void each(const std::vector<Row>& rows, const std::function<void(const Row&)>& body) {
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (std::size_t at; (at = next++) < rows.size();) body(rows[at]);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace peerscope::e2e
