// SPDX-License-Identifier: GPL-2.0-or-later
// A child process in a process group of its own, with its output in a file. The group dies with this object, and with
// the harness itself, however that ends.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace peerscope::harness {

class Process {
 public:
  Process() = default;
  ~Process() { stop(0.2); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Empty when started; else what to tell the user. `log` gets stdout and stderr.
  std::string start(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment,
                    const std::string& log);
  bool running();
  // "exited with status 3" or "was killed by signal 11 (Segmentation fault)"; empty while it runs.
  std::string ending();
  std::optional<int> exit_status();
  // SIGTERM (or `signal`) to the group, SIGKILL after `seconds`.
  void stop(double seconds, int signal = 15);
  pid_t pid() const { return pid_; }

 private:
  void reap(bool wait);

  pid_t pid_ = -1;
  bool running_ = false;
  int status_ = 0;
};

// True when `name` can be started: an executable file, looked up in $PATH when it has no slash.
bool find_program(const std::string& name);

// Runs a command to its end, with a limit; returns its exit status, or an error text.
struct CommandResult {
  int status = -1;
  std::string error;   // could not run, killed, or over time
  std::string output;  // stdout
  std::string errors;  // stderr
};
struct CommandFiles {
  std::string input;   // path for stdin; empty: nothing to read
  std::string output;  // path for stdout; empty: CommandResult::output
  int output_fd = -1;  // descriptor for stdout instead; closed here once the command has it
};
CommandResult run_command(const std::vector<std::string>& command,
                          const std::map<std::string, std::string>& environment, double seconds,
                          const CommandFiles& files = {});

}  // namespace peerscope::harness
