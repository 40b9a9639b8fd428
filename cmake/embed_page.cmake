# SPDX-License-Identifier: GPL-2.0-or-later
# The files of harness/report/page as string constants of a header: IN (folder), OUT (header).
set(text "// Generated from harness/report/page.\n#pragma once\n\n#include <string_view>\n\nnamespace peerscope::harness {\n")
# A name, then the files that make it up, in their order.
foreach(part "Page:page.html" "Style:page.css" "Script:model.js:flow.js:message.js:views.js")
  string(REPLACE ":" ";" files ${part})
  list(POP_FRONT files name)
  set(content "")
  foreach(file ${files})
    file(READ ${IN}/${file} one)
    string(APPEND content "${one}")
  endforeach()
  string(APPEND text "inline constexpr std::string_view kReport${name} = R\"page~(${content})page~\";\n")
endforeach()
string(APPEND text "}  // namespace peerscope::harness\n")
file(WRITE ${OUT} "${text}")
