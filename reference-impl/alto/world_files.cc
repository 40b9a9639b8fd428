// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/world_files.h"

namespace peerscope::alto {

std::vector<WorldFiles::Stamp> WorldFiles::stamps() const {
  std::vector<Stamp> out;
  const auto add = [&](const std::string& path) {
    // A file that is gone for a moment has no time; that is a change too.
    std::error_code none;
    Stamp stamp{std::filesystem::last_write_time(path, none), std::filesystem::file_size(path, none)};
    out.push_back(stamp);
  };
  add(map_);
  for (const std::string& path : costs_) add(path);
  if (!cdni_.empty()) add(cdni_);
  return out;
}

net::Result<World> WorldFiles::load() {
  seen_ = stamps();  // before reading: what changes meanwhile is read again
  auto world = loaded_world(map_, costs_);
  if (!world.ok() || cdni_.empty()) return world;
  if (const auto done = load_cdni(*world, cdni_); !done.ok()) return done.error();
  return world;
}

std::optional<net::Result<World>> WorldFiles::poll() {
  if (stamps() == seen_) return std::nullopt;
  return load();
}

}  // namespace peerscope::alto
