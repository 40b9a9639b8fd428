// SPDX-License-Identifier: GPL-2.0-or-later
// Signatures that were found good before. The same value passes a node several times: stored, copied with others of its
// resource, fetched again; and what a node signed itself it need not check. Only whole equality counts: key, input and
// signature.
//
// Ownership: none. Failure: what was forgotten is verified again. Bounded: the oldest is forgotten. Threading: one
// thread.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>

#include "protocols/reload/security/crypto.h"

namespace peerscope::reload {

class Verified {
 public:
  explicit Verified(std::size_t most) : most_(most) {}

  // Empty when nothing can be remembered.
  static std::string name(SignatureCode code, std::string_view signer, std::string_view input,
                          std::string_view signature);
  bool contains(const std::string& name) const { return names_.contains(name); }
  void add(std::string name);
  std::size_t size() const { return names_.size(); }

 private:
  std::size_t most_;
  std::unordered_set<std::string> names_;
  std::deque<const std::string*> order_;
};

}  // namespace peerscope::reload
