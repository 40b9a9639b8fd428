// SPDX-License-Identifier: GPL-2.0-or-later
// Bytes that were a message once: a few random changes each, the same in every run.
#pragma once

#include <algorithm>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <string_view>

namespace peerscope::test {

// Calls `take` with each of `count` mutants of `bytes`; `pieces` are what is put in. `name` seeds the changes.
inline void each_mutant(const std::string& name, const std::string& bytes, int count,
                        std::span<const std::string_view> pieces, const std::function<void(int, std::string)>& take) {
  std::mt19937 random(static_cast<unsigned>(std::hash<std::string>{}(name)));
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
  for (int i = 0; i < count; ++i) {
    std::string mutant = bytes;
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
      const std::size_t at = below(mutant.size() + 1);
      switch (below(5)) {
        case 0:
          if (at < mutant.size()) mutant[at] = static_cast<char>(random());
          break;
        case 1:
          mutant.erase(std::min(at, mutant.size()), 1 + below(20));
          break;
        case 2:
          mutant.insert(at, pieces[below(pieces.size())]);
          break;
        case 3:
          mutant.insert(at, mutant.substr(below(mutant.size() + 1), below(80)));
          break;
        default:
          mutant.resize(at);
          break;
      }
    }
    take(i, std::move(mutant));
  }
}

}  // namespace peerscope::test
