// SPDX-License-Identifier: GPL-2.0-or-later
// Signatures in captured RELOAD traffic: certificates are learnt from the messages in their order, and what was signed
// with them is verified (protocols/reload/verification.h). A certificate that comes later helps no earlier message.
#pragma once

#include "harness/engine/neighbours.h"
#include "protocols/reload/examination.h"
#include "protocols/reload/verification.h"

namespace peerscope::harness {

class Signatures final : public Examiner {
 public:
  void examine(const Message& message, const Message* request, std::vector<Finding>& findings) override;

 private:
  reload::Verifier verifier_;
  reload::Examination examination_;
};

// The Resource-ID that values in the answer to this request belong to; empty when it is none of that kind.
std::string_view resource_of(const Message* request);
void add_findings(const reload::Verdict& verdict, std::vector<Finding>& findings);

}  // namespace peerscope::harness
