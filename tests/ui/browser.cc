// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/ui/browser.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <simdjson.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "protocols/base/json_index.h"

namespace peerscope::ui {
namespace {

namespace dom = simdjson::dom;
using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(30);  // of one answer; a loaded machine takes its time to start

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

// In the child: 3 and 4 are where Chromium looks for the pipe.
[[noreturn]] void become(const std::string& program, const std::string& folder, int commands, int answers) {
  setsid();
  const int in = fcntl(commands, F_DUPFD, 10);
  const int out = fcntl(answers, F_DUPFD, 10);
  dup2(in, 3);
  dup2(out, 4);
  const int nothing = open("/dev/null", O_RDWR);
  for (const int standard : {0, 1, 2}) dup2(nothing, standard);
  const std::string profile = "--user-data-dir=" + folder;
  // The page is our own, and the sandbox does not start for root or in containers.
  execl(program.c_str(), program.c_str(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-extensions", "--hide-scrollbars", "--remote-debugging-pipe", profile.c_str(), "about:blank",
        nullptr);
  _exit(127);
}

std::string member(const std::string& json, std::string_view pointer) {
  dom::parser parser;
  dom::element root;
  std::string_view found;
  if (parser.parse(json).get(root) != simdjson::SUCCESS) return {};
  return root.at_pointer(pointer).get(found) == simdjson::SUCCESS ? std::string(found) : std::string();
}

bool has(const std::string& json, std::string_view pointer) {
  dom::parser parser;
  dom::element root;
  return parser.parse(json).get(root) == simdjson::SUCCESS && root.at_pointer(pointer).error() == simdjson::SUCCESS;
}

struct Key {
  const char* name;
  int code;
  const char* text;
};
constexpr Key kKeys[] = {{"Enter", 13, "\r"}, {"Escape", 27, ""},     {"Tab", 9, ""},        {"ArrowLeft", 37, ""},
                         {"ArrowUp", 38, ""}, {"ArrowRight", 39, ""}, {"ArrowDown", 40, ""}, {"Home", 36, ""},
                         {"End", 35, ""},     {" ", 32, " "}};

}  // namespace

std::string Browser::program() {
  if (const char* given = std::getenv("PEERSCOPE_CHROMIUM"); given != nullptr) return given;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = folder + "/chromium";
    if (access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

Browser::Browser(const std::string& program) {
  std::string pattern = (std::filesystem::temp_directory_path() / "peerscope-ui-XXXXXX").string();
  folder_ = mkdtemp(pattern.data());
  std::array<int, 2> commands{};
  std::array<int, 2> answers{};
  if (pipe2(commands.data(), O_CLOEXEC) != 0 || pipe2(answers.data(), O_CLOEXEC) != 0) fail("cannot make a pipe");
  process_ = fork();
  if (process_ < 0) fail("cannot start a process");
  if (process_ == 0) become(program, folder_, commands[0], answers[1]);
  close(commands[0]);
  close(answers[1]);
  to_ = commands[1];
  from_ = answers[0];
  const std::string target = member(call("Target.createTarget", R"({"url":"about:blank"})", false), "/result/targetId");
  const std::string attach = fmt::format(R"({{"targetId":{},"flatten":true}})", json_quote(target));
  session_ = member(call("Target.attachToTarget", attach, false), "/result/sessionId");
  if (session_.empty()) fail("the browser has no page");
  for (const char* domain : {"Page.enable", "Runtime.enable", "Log.enable"}) (void)call(domain, "{}");
}

Browser::~Browser() {
  if (to_ >= 0) close(to_);
  if (from_ >= 0) close(from_);
  if (process_ > 0) {
    kill(-process_, SIGKILL);  // the group that this browser is
    waitpid(process_, nullptr, 0);
  }
  std::error_code code;
  std::filesystem::remove_all(folder_, code);
}

std::string Browser::receive() {
  const auto deadline = Clock::now() + kPatience;
  for (;;) {
    if (const std::size_t end = pending_.find('\0'); end != std::string::npos) {
      std::string message = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return message;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd waiting{from_, POLLIN, 0};
    if (left <= 0 || poll(&waiting, 1, static_cast<int>(left)) <= 0) fail("the browser does not answer");
    std::array<char, 65536> buffer{};
    const ssize_t got = read(from_, buffer.data(), buffer.size());
    if (got <= 0) fail("the browser has ended");
    pending_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

void Browser::note(const std::string& event) {
  const std::string method = member(event, "/method");
  if (method == "Runtime.exceptionThrown") complaints_.push_back(event);
  if (method == "Log.entryAdded" && member(event, "/params/entry/level") != "info") complaints_.push_back(event);
  const std::string kind = member(event, "/params/type");
  if (method == "Runtime.consoleAPICalled" && (kind == "error" || kind == "warning" || kind == "assert"))
    complaints_.push_back(event);
}

std::string Browser::call(const std::string& method, const std::string& parameters, bool to_page) {
  const int id = ++calls_;
  std::string command = fmt::format(R"({{"id":{},"method":"{}","params":{}{}}})", id, method, parameters,
                                    to_page ? fmt::format(R"(,"sessionId":{})", json_quote(session_)) : "");
  command.push_back('\0');
  for (std::size_t sent = 0; sent < command.size();) {
    const ssize_t n = write(to_, command.data() + sent, command.size() - sent);
    if (n <= 0) fail("the browser has ended");
    sent += static_cast<std::size_t>(n);
  }
  const std::string own = fmt::format("{{\"id\":{},", id);
  for (;;) {
    std::string message = receive();
    if (!message.starts_with(own)) {
      note(message);
      continue;
    }
    if (has(message, "/error")) fail(method + ": " + message);
    return message;
  }
}

void Browser::size(int width, int height, double scale) {
  (void)call("Emulation.setDeviceMetricsOverride",
             fmt::format(R"({{"width":{},"height":{},"deviceScaleFactor":{},"mobile":{}}})", width, height, scale,
                         width < 600 ? "true" : "false"));
}

void Browser::dark(bool wanted) {
  (void)call(
      "Emulation.setEmulatedMedia",
      fmt::format(R"({{"features":[{{"name":"prefers-color-scheme","value":"{}"}}]}})", wanted ? "dark" : "light"));
}

void Browser::open(const std::string& url) {
  // From one fragment to another the page stays; a new document is wanted.
  (void)call("Page.navigate", R"({"url":"about:blank"})");
  (void)call("Page.navigate", fmt::format(R"({{"url":{}}})", json_quote(url)));
  if (!becomes("document.readyState === 'complete' && document.querySelector('h1') !== null"))
    fail("the page does not appear: " + url);
  (void)text("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
}

std::string Browser::text(const std::string& expression) {
  const std::string wrapped = fmt::format("(async () => String(await ({})))()", expression);
  const std::string answer =
      call("Runtime.evaluate",
           fmt::format(R"({{"expression":{},"awaitPromise":true,"returnByValue":true}})", json_quote(wrapped)));
  if (has(answer, "/result/exceptionDetails")) fail(expression + ": " + answer);
  return member(answer, "/result/result/value");
}

double Browser::number(const std::string& expression) {
  return std::strtod(text(expression).c_str(), nullptr);
}

bool Browser::becomes(const std::string& expression) {
  const auto deadline = Clock::now() + std::chrono::seconds(5);
  while (!truth(expression)) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

bool Browser::click(const std::string& selector) {
  const std::string place = text(fmt::format(
      R"((() => {{
        const element = document.querySelector({});
        if (!element) return "";
        element.scrollIntoView({{ block: "center" }});
        const box = element.getBoundingClientRect();
        const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
        const hit = document.elementFromPoint(x, y);
        return hit && (element.contains(hit) || hit.contains(element)) ? `${{x}} ${{y}}` : "";
      }})())",
      json_quote(selector)));
  double x = 0;
  double y = 0;
  if (std::sscanf(place.c_str(), "%lf %lf", &x, &y) != 2) return false;
  for (const char* kind : {"mousePressed", "mouseReleased"}) {
    (void)call("Input.dispatchMouseEvent",
               fmt::format(R"({{"type":"{}","x":{},"y":{},"button":"left","clickCount":1}})", kind, x, y));
  }
  (void)text("new Promise(done => setTimeout(done, 50))");
  return true;
}

void Browser::key(const std::string& name) {
  for (const Key& key : kKeys) {
    if (name != key.name) continue;
    for (const char* kind : {"keyDown", "keyUp"}) {
      (void)call(
          "Input.dispatchKeyEvent",
          fmt::format(R"({{"type":"{}","key":{},"windowsVirtualKeyCode":{},"text":{}}})", kind, json_quote(key.name),
                      key.code, json_quote(kind == std::string_view("keyDown") ? key.text : "")));
    }
    (void)text("new Promise(done => setTimeout(done, 50))");
    return;
  }
  fail("no key " + name);
}

void Browser::type(const std::string& letters) {
  (void)call("Input.insertText", fmt::format(R"({{"text":{}}})", json_quote(letters)));
}

std::string Browser::screenshot() {
  const std::string code = member(call("Page.captureScreenshot", R"({"format":"png"})"), "/result/data");
  std::string image(code.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(image.data()),
                                   reinterpret_cast<const unsigned char*>(code.data()), static_cast<int>(code.size()));
  if (size <= 0) fail("no picture came");
  const auto padding = static_cast<std::size_t>(code.ends_with("==") ? 2 : code.ends_with('=') ? 1 : 0);
  image.resize(static_cast<std::size_t>(size) - padding);
  return image;
}

}  // namespace peerscope::ui
