// SPDX-License-Identifier: GPL-2.0-or-later
// Services that somebody follows: their versions, and what changes from one to the next. Update streams (RFC 8895) and
// TIPS views (RFC 9569) that ask for the same share one Feed, so that a change is worked out once (A-SSE-28).
//
// Ownership: followers hold their Feed; Feeds forgets those that nobody holds. Failure: a Feed whose resource no longer
// answers has ended() and says why. Threading: one thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocols/base/json_value.h"
#include "reference-impl/alto/services.h"

namespace peerscope::alto {

class Feed {
 public:
  using Body = Services::Body;
  enum class Form { kWhole, kMergePatch, kJsonPatch };
  static constexpr std::size_t kForms = 3;

  struct Version {
    std::int64_t number = 0;  // from 1 on, without gaps
    std::string tag;          // of resources that have one
    // By Form; a patch leads here from the version before, and is missing where it cannot say the change.
    std::array<Body, kForms> bodies;
    mutable std::array<Body, kForms> lines;  // as data lines of an event, once made

    const Body& body(Form form) const { return bodies[static_cast<std::size_t>(form)]; }
    const Body& event_data(Form form) const;
  };

  Feed(std::string id, std::string media_type, std::string input, Asker asker, int depth);

  const std::string& id() const { return id_; }
  const std::string& media_type() const { return media_type_; }
  // 0: depends on no other resource; a resource comes after those that it depends on.
  int depth() const { return depth_; }
  const Version& latest() const { return versions_.back(); }
  const Version& oldest() const { return versions_.front(); }
  const Version* find(std::int64_t number) const;
  const Version* with_tag(std::string_view tag) const;
  bool ended() const { return ended_; }
  // How many versions stay; never fewer than one.
  void keep(std::size_t versions) { kept_ = std::max(kept_, versions); }

  // Asks the resource anew. True when there is a new version.
  bool update(const Services& resources);
  // The same for the first version; what was wrong with the request, if anything.
  Answer start(const Services& resources);

 private:
  Answer ask(const Services& resources, Body& body) const;
  void add_patches(Version& next, const Version& before);

  std::string id_;
  std::string media_type_;
  std::string input_;
  Asker asker_;
  int depth_;
  std::deque<Version> versions_;
  std::unique_ptr<JsonValue> document_;  // of the latest version, once a patch was made
  std::size_t kept_ = 1;
  bool ended_ = false;
};

class Feeds {
 public:
  // Null when the resource refuses the request; `answer` says why.
  std::shared_ptr<Feed> open(const Services& resources, const Services::Service& service, const std::string& input,
                             const Asker& asker, Answer& answer);
  // After the world has changed: every feed that is held.
  void update(const Services& resources);
  std::size_t size() const { return feeds_.size(); }

 private:
  void forget_unheld();

  std::map<std::string, std::weak_ptr<Feed>> feeds_;  // by resource, input and, where that counts, asker
  std::size_t most_ = 64;                             // before those that nobody holds are looked for
};

// JSON text as data lines of an event and the empty line that ends it (RFC 8895 section 9.5: lines are not too long,
// and are broken between values only).
std::string event_data_of(std::string_view json);

const char* media_type_of(Feed::Form form);  // of patches

}  // namespace peerscope::alto
