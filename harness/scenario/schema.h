// SPDX-License-Identifier: GPL-2.0-or-later
// A JSON Schema (draft 2020-12) of scenario files, for editors. It knows keys, words, roles and
// requirements; what only the loader can tell (fields, variables, steps that exclude each other) `lint` tells.
#pragma once

#include <string>

namespace peerscope::harness {

std::string scenario_schema();

}  // namespace peerscope::harness
