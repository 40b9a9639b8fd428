// SPDX-License-Identifier: GPL-2.0-or-later
// The files that a world is made from, looked at again and again. Whoever replaces a map writes it elsewhere and
// renames it; a file that is half written is read when it is complete, because its time changes again.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "reference-impl/alto/world.h"

namespace peerscope::alto {

class WorldFiles {
 public:
  // `cdni` may be empty.
  WorldFiles(std::string map, std::vector<std::string> costs, std::string cdni = {})
      : map_(std::move(map)), costs_(std::move(costs)), cdni_(std::move(cdni)) {}

  net::Result<World> load();
  // The new world, or what is wrong with it, when a file has changed since it was last read. Nothing otherwise.
  std::optional<net::Result<World>> poll();

 private:
  struct Stamp {
    std::filesystem::file_time_type time{};
    std::uintmax_t size = 0;
    bool operator==(const Stamp&) const = default;
  };
  std::vector<Stamp> stamps() const;

  std::string map_;
  std::vector<std::string> costs_;
  std::string cdni_;
  std::vector<Stamp> seen_;
};

}  // namespace peerscope::alto
