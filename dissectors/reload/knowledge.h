// SPDX-License-Identifier: GPL-2.0-or-later
// Knowledge: what the messages and documents of a capture tell of its overlays, for decoding and for people.
// Certificates and who they name, Kinds that configurations define, names behind hashes. Plain C++: nothing here calls
// epan.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocols/reload/config/document.h"
#include "protocols/reload/context.h"
#include "protocols/reload/examination.h"
#include "protocols/reload/verification.h"

namespace peerscope::reload {

class Knowledge {
 public:
  static constexpr std::size_t kMostNames = 100'000;
  static constexpr std::size_t kMostKinds = 10'000;

  // For decoding. It grows while messages come in.
  const Context& context() const { return context_; }
  Context& context() { return context_; }
  Verifier& verifier() { return verifier_; }
  const Verifier& verifier() const { return verifier_; }
  Examination& examination() { return examination_; }

  // What a message brings: certificates, configurations, Kinds.
  void learn(const Message& message);
  ConfigDocument learn_document(std::string_view bytes);

  // A name for people, empty when none is known: of a Node-ID its user, of a Resource-ID what was hashed, of a Kind.
  std::string_view name_of_id(std::string_view id) const;
  std::string_view name_of_kind(std::uint32_t kind) const;
  std::string_view name_of_overlay(std::uint32_t hash) const;

  void clear();

 private:
  void learn_kinds(const std::vector<KindBlock>& blocks);
  void learn_certificate(const Certificate& certificate);
  void name_id(std::string id, std::string_view name);
  void name_overlay(std::string_view name);

  Context context_;
  Verifier verifier_;
  Examination examination_;
  std::unordered_map<std::string, std::string> ids_;
  std::unordered_map<std::uint32_t, std::string> overlays_;
};

}  // namespace peerscope::reload
