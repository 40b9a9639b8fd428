// SPDX-License-Identifier: GPL-2.0-or-later
// Pictures of a report page: page_screens PAGE FOLDER CELL RULE. screens.sh calls it.
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>

#include "tests/ui/browser.h"

namespace {

struct Screen {
  const char* name;
  std::string fragment;
  int width;
  int height;
  double scale;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: page_screens PAGE.html FOLDER GROUP RULE\n");
    return 2;
  }
  const std::string program = peerscope::ui::Browser::program();
  if (program.empty()) {
    std::fprintf(stderr, "page_screens: chromium is not installed\n");
    return 3;
  }
  const std::string page = "file://" + std::filesystem::absolute(argv[1]).string();
  const std::string cell = std::string("#/cell/") + argv[3] + "/0";
  const std::string rule = std::string("#/rule/") + argv[4] + "/0";
  const Screen screens[] = {{"report-matrix.png", "", 1920, 1080, 1},
                            {"report-cell.png", cell, 1920, 1080, 1},
                            {"report-finding.png", rule, 1920, 1820, 1},
                            {"report-matrix-phone.png", "", 390, 844, 2},
                            {"report-finding-phone.png", rule, 390, 1900, 2}};
  try {
    peerscope::ui::Browser browser(program);
    for (const Screen& screen : screens) {
      browser.size(screen.width, screen.height, screen.scale);
      browser.open(page + screen.fragment);
      std::ofstream(std::string(argv[2]) + "/" + screen.name, std::ios::binary) << browser.screenshot();
    }
    for (const std::string& complaint : browser.complaints()) std::fprintf(stderr, "%s\n", complaint.c_str());
    return browser.complaints().empty() ? 0 : 1;
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "page_screens: %s\n", problem.what());
    return 1;
  }
}
