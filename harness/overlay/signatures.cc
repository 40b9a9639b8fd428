// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/overlay/signatures.h"

#include "protocols/reload/protocol.h"

namespace peerscope::harness {

std::string_view resource_of(const Message* request) {
  const auto* fetch = request != nullptr ? reload::body_of<reload::FetchReq>(*request) : nullptr;
  return fetch != nullptr ? std::string_view(fetch->resource) : std::string_view();
}

void add_findings(const reload::Verdict& verdict, std::vector<Finding>& findings) {
  for (reload::BrokenRule& broken : reload::broken_rules(verdict)) {
    const Requirement* rule = find_requirement(broken.requirement);
    if (rule != nullptr)
      findings.push_back({rule, rule->severity, verdict.offset, verdict.length, std::move(broken.detail)});
  }
}

void Signatures::examine(const Message& message, const Message* request, std::vector<Finding>& findings) {
  (void)verifier_.learn(message);
  for (const reload::Verdict& verdict : verifier_.look(message, resource_of(request))) add_findings(verdict, findings);
  examination_.look(verifier_, message, request, findings);
}

}  // namespace peerscope::harness
