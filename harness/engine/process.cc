// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>
#include <thread>

extern char** environ;

namespace peerscope::harness {
namespace {

using Clock = std::chrono::steady_clock;

// Everything that allocates happens before there is a child.
struct Prepared {
  std::vector<char*> argv;
  std::vector<std::string> environment_texts;
  std::vector<char*> envp;

  Prepared(const std::vector<std::string>& command, const std::map<std::string, std::string>& extra) {
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string_view text(*entry);
      if (!extra.contains(std::string(text.substr(0, text.find('='))))) environment_texts.emplace_back(text);
    }
    for (const auto& [name, value] : extra) environment_texts.push_back(name + "=" + value);
    for (std::string& text : environment_texts) envp.push_back(text.data());
    envp.push_back(nullptr);
  }
};

// What the child needs to become the program.
struct Child {
  const Prepared& prepared;
  std::array<int, 3> streams;  // for 0, 1 and 2; -1: nothing to read
  pid_t parent;
  int error = 0;  // the child's: why it could not execute
};

// Runs in the child, in the parent's memory and on a stack of its own: calls only what is async-signal-safe.
int become(void* argument) {
  Child& child = *static_cast<Child*>(argument);
  setpgid(0, 0);
  // A harness that is killed takes its children along.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != child.parent) _exit(127);
  for (int i = 0; i < 3; ++i) {
    const int from = child.streams[static_cast<std::size_t>(i)];
    dup2(from >= 0 ? from : open("/dev/null", O_RDONLY | O_CLOEXEC), i);
  }
  signal(SIGPIPE, SIG_DFL);
  signal(SIGXFSZ, SIG_DFL);
  // Sockets of the harness do not belong to the child: a listener that it kept open would hold the port.
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  execvpe(child.prepared.argv[0], child.prepared.argv.data(), child.prepared.envp.data());
  child.error = errno;
  _exit(127);
}

// Starts the program, without a copy of this process's page tables: with several threads at work a fork costs more
// than the program's own start. The caller goes on when the child has executed or has failed to.
pid_t spawn(const Prepared& prepared, int in, int out, int err, std::string& error) {
  constexpr std::size_t kStack = 64U << 10;
  const auto stack = std::make_unique<std::byte[]>(kStack);
  Child child{prepared, {in, out, err}, getpid()};
  const pid_t pid = clone(become, stack.get() + kStack, CLONE_VM | CLONE_VFORK | SIGCHLD, &child);
  if (pid < 0) {
    error = fmt::format("cannot start a process: {}", std::strerror(errno));
    return -1;
  }
  if (child.error != 0) {
    error = fmt::format("cannot run {}: {}", prepared.argv[0], std::strerror(child.error));
    waitpid(pid, nullptr, 0);
    return -1;
  }
  return pid;
}

CommandResult failed(std::string error) {
  CommandResult result;
  result.error = std::move(error);
  return result;
}

std::string ending_text(int status) {
  if (WIFEXITED(status)) return fmt::format("exited with status {}", WEXITSTATUS(status));
  if (WIFSIGNALED(status))
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return "ended";
}

}  // namespace

std::string Process::start(const std::vector<std::string>& command,
                           const std::map<std::string, std::string>& environment, const std::string& log) {
  stop(1);
  if (command.empty()) return "the command is empty";
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return fmt::format("cannot write {}: {}", log, std::strerror(errno));
  std::string error;
  const Prepared prepared(command, environment);
  pid_ = spawn(prepared, -1, file, file, error);
  close(file);
  running_ = pid_ > 0;
  return error;
}

void Process::reap(bool wait) {
  if (!running_) return;
  if (waitpid(pid_, &status_, wait ? 0 : WNOHANG) == pid_) running_ = false;
}

bool Process::running() {
  reap(false);
  return running_;
}

std::string Process::ending() {
  return running() || pid_ < 0 ? "" : ending_text(status_);
}

std::optional<int> Process::exit_status() {
  if (running() || pid_ < 0 || !WIFEXITED(status_)) return std::nullopt;
  return WEXITSTATUS(status_);
}

void Process::stop(double seconds, int signal) {
  if (pid_ <= 0) return;
  if (running()) kill(-pid_, signal);
  const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
  while (running() && Clock::now() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  kill(-pid_, SIGKILL);  // also what the child left behind in its group
  if (running_) reap(true);
  pid_ = -1;
}

bool find_program(const std::string& name) {
  const auto executable = [](const std::string& path) {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string::npos) return executable(name);
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (executable((folder.empty() ? "." : folder) + "/" + name)) return true;
  }
  return false;
}

CommandResult run_command(const std::vector<std::string>& command,
                          const std::map<std::string, std::string>& environment, double seconds,
                          const CommandFiles& files) {
  CommandResult result;
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (pipe2(out.data(), O_CLOEXEC) != 0) return failed("cannot make a pipe");
  if (pipe2(err.data(), O_CLOEXEC) != 0) return close(out[0]), close(out[1]), failed("cannot make a pipe");
  const int in = files.input.empty() ? -1 : open(files.input.c_str(), O_RDONLY | O_CLOEXEC);
  const int to = files.output_fd >= 0   ? files.output_fd
                 : files.output.empty() ? out[1]
                                        : open(files.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const int open_error = errno;
  pid_t pid = -1;
  if (!files.input.empty() && in < 0)
    result.error = fmt::format("cannot read {}: {}", files.input, std::strerror(open_error));
  else if (to < 0)
    result.error = fmt::format("cannot write {}: {}", files.output, std::strerror(open_error));
  else
    pid = spawn(Prepared(command, environment), in, to, err[1], result.error);
  if (in >= 0) close(in);
  if (to >= 0 && to != out[1]) close(to);
  close(out[1]);
  close(err[1]);
  const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
  constexpr std::size_t kMostOutput = 64 << 20;
  bool over_time = false;
  std::array<pollfd, 2> polled = {{{out[0], POLLIN, 0}, {err[0], POLLIN, 0}}};
  while (pid > 0 && (polled[0].fd >= 0 || polled[1].fd >= 0)) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) {
      over_time = true;
      break;
    }
    if (poll(polled.data(), polled.size(), static_cast<int>(std::min<long>(left, 1000))) < 0 && errno != EINTR) break;
    for (pollfd& entry : polled) {
      if (entry.fd < 0 || (entry.revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
      std::array<char, 65536> buffer{};
      const ssize_t n = read(entry.fd, buffer.data(), buffer.size());
      std::string& target = entry.fd == out[0] ? result.output : result.errors;
      if (n <= 0)
        entry.fd = -1;
      else if (target.size() < kMostOutput)
        target.append(buffer.data(), static_cast<std::size_t>(n));
    }
  }
  close(out[0]);
  close(err[0]);
  if (pid > 0) {
    if (over_time) kill(-pid, SIGKILL);
    int status = 0;
    waitpid(pid, &status, 0);
    if (over_time)
      result.error = fmt::format("{} took longer than {:.0f} s and was stopped", command.front(), seconds);
    else if (WIFEXITED(status))
      result.status = WEXITSTATUS(status);
    else
      result.error = fmt::format("{} {}", command.front(), ending_text(status));
  }
  return result;
}

}  // namespace peerscope::harness
