// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/verified.h"

namespace peerscope::reload {
namespace {

// Ends a part, so that two parts never read as two others.
std::string length_of(std::string_view part) {
  return std::to_string(part.size()) + ';';
}

}  // namespace

std::string Verified::name(SignatureCode code, std::string_view signer, std::string_view input,
                           std::string_view signature) {
  const std::string head = std::to_string(code.hash) + ',' + std::to_string(code.signature) + ',' + length_of(signer) +
                           length_of(input) + length_of(signature);
  return digest(tls_hash::kSha256, {head, signer, input, signature}).value_or(std::string());
}

void Verified::add(std::string name) {
  if (name.empty() || most_ == 0) return;
  const auto [at, fresh] = names_.insert(std::move(name));
  if (!fresh) return;
  order_.push_back(&*at);
  if (order_.size() <= most_) return;
  names_.erase(*order_.front());
  order_.pop_front();
}

}  // namespace peerscope::reload
