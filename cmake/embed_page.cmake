# SPDX-License-Identifier: GPL-2.0-or-later
# The files of harness/report/page as string constants of a header: IN (folder), OUT (header).
set(text "// Generated from harness/report/page.\n#pragma once\n\n#include <string_view>\n\nnamespace peerscope::harness {\n")
foreach(pair "Page:page.html" "Style:page.css" "Script:page.js")
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 name)
  list(GET pair 1 file)
  file(READ ${IN}/${file} content)
  string(APPEND text "inline constexpr std::string_view kReport${name} = R\"page~(${content})page~\";\n")
endforeach()
string(APPEND text "}  // namespace peerscope::harness\n")
file(WRITE ${OUT} "${text}")
