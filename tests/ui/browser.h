// SPDX-License-Identifier: GPL-2.0-or-later
// A headless Chromium for tests of the report page, driven over its DevTools pipe: real layout, real keys and clicks.
//
// Ownership: one process group and one profile folder each, gone with the object. Failure: start() tells why; later
// calls throw std::runtime_error, which fails the test. Threading: none.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace peerscope::ui {

class Browser {
 public:
  // The program to start: $PEERSCOPE_CHROMIUM, else chromium on the PATH; empty when there is none.
  static std::string program();

  explicit Browser(const std::string& program);
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  void size(int width, int height, double scale = 1);
  void dark(bool wanted);
  // Opens a URL and waits until its script has run.
  void open(const std::string& url);
  // The value of an expression as text; a promise is awaited. An exception in it is an error.
  std::string text(const std::string& expression);
  double number(const std::string& expression);
  bool truth(const std::string& expression) { return text(expression) == "true"; }
  // Waits until the expression is true, at most five seconds.
  bool becomes(const std::string& expression);
  // A mouse click into the middle of the first element that fits. False: there is none, or it cannot be seen.
  bool click(const std::string& selector);
  void key(const std::string& name);
  void type(const std::string& letters);
  // PNG of the first `height` pixels of the page; 0: of what a window shows.
  std::string screenshot();

  // What the page complained about so far: exceptions, errors and warnings of the console, what could not be loaded.
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  std::string call(const std::string& method, const std::string& parameters, bool to_page = true);
  std::string receive();
  void note(const std::string& event);

  pid_t process_ = -1;
  int to_ = -1;
  int from_ = -1;
  std::string folder_;
  std::string session_;
  std::string pending_;
  int calls_ = 0;
  std::vector<std::string> complaints_;
};

}  // namespace peerscope::ui
