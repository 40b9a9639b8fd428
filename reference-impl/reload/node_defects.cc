// SPDX-License-Identifier: GPL-2.0-or-later
// What the node's defects do to finished answers. Answers are made right and then changed, so the methods themselves
// know nothing of wrong forms.
#include <algorithm>

#include "protocols/reload/protocol.h"
#include "protocols/reload/signature_input.h"
#include "reference-impl/reload/node.h"

namespace peerscope::reload {
namespace {

using D = NodeDefect;

template <class T, class F>
void change(Contents& contents, F&& how) {
  if (auto* body = std::get_if<T>(&contents.body); body != nullptr) how(*body);
}

// What a defect does to the contents of an answer.
struct ContentsDefect {
  NodeDefect defect;
  void (*spoil)(Contents& contents);
};
constexpr ContentsDefect kContentsDefects[] = {
    {D::kAnswerOfAnotherMethod,
     [](Contents& contents) {
       if (std::holds_alternative<PingAns>(contents.body)) contents = Contents(UpdateAns{});
     }},
    {D::kErrorCodeZero,
     [](Contents& contents) { change<ErrorResponse>(contents, [](ErrorResponse& m) { m.code = 0; }); }},
    {D::kErrorWithoutReason,
     [](Contents& contents) {
       change<ErrorResponse>(contents, [](ErrorResponse& m) {
         if (m.code == kInvalidMessage) m.info.clear();
       });
     }},
    {D::kUnknownKindNotNamed,
     [](Contents& contents) {
       change<ErrorResponse>(contents, [](ErrorResponse& m) {
         ErrorInfo none;
         none.code = kUnknownKind;
         if (m.code == kUnknownKind) m.info = encode_part(none);
       });
     }},
    {D::kUnknownKindForbidden,
     [](Contents& contents) {
       change<ErrorResponse>(contents, [](ErrorResponse& m) {
         if (m.code == kUnknownKind) m = {kForbidden, "an unknown Kind"};
       });
     }},
    {D::kGenerationErrorBare,
     [](Contents& contents) {
       change<ErrorResponse>(contents, [](ErrorResponse& m) {
         if (m.code == kGenerationCounterTooLow) m.info.clear();
       });
     }},
    {D::kPingIdZero, [](Contents& contents) { change<PingAns>(contents, [](PingAns& m) { m.response_id = 0; }); }},
    {D::kPingTimeInSeconds, [](Contents& contents) { change<PingAns>(contents, [](PingAns& m) { m.time /= 1000; }); }},
    {D::kProbeOutOfOrder,
     [](Contents& contents) {
       change<ProbeAns>(contents, [](ProbeAns& m) { std::reverse(m.probe_info.begin(), m.probe_info.end()); });
     }},
    {D::kProbeOverBillion,
     [](Contents& contents) {
       change<ProbeAns>(contents, [](ProbeAns& m) {
         for (ProbeInformation& info : m.probe_info) {
           if (info.type == kResponsibleSet) info.value = 1'000'000'001;
         }
       });
     }},
    {D::kAttachAnswerPassive,
     [](Contents& contents) { change<AttachAns>(contents, [](AttachAns& m) { m.role = kPassive; }); }},
    {D::kNoCandidates,
     [](Contents& contents) { change<AttachAns>(contents, [](AttachAns& m) { m.candidates.clear(); }); }},
    {D::kGenerationFromZero,
     [](Contents& contents) {
       change<StoreAns>(contents, [](StoreAns& m) {
         for (StoreKindResponse& kind : m.kind_responses) kind.generation_counter = 0;
       });
     }},
    {D::kStoreAnswerEmpty,
     [](Contents& contents) { change<StoreAns>(contents, [](StoreAns& m) { m.kind_responses.clear(); }); }},
    {D::kFetchSkipsEmpty,
     [](Contents& contents) {
       change<FetchAns>(contents, [](FetchAns& m) {
         std::erase_if(m.kind_responses, [](const FetchKindResponse& kind) {
           return std::none_of(kind.values.begin(), kind.values.end(), [](const StoredData& v) { return v.exists; });
         });
       });
     }},
    {D::kNewestValueOnly,
     [](Contents& contents) {
       change<FetchAns>(contents, [](FetchAns& m) {
         for (FetchKindResponse& kind : m.kind_responses) {
           if (kind.values.size() > 1) kind.values.resize(1);
         }
       });
     }},
    {D::kStatSkipsEmpty,
     [](Contents& contents) {
       change<StatAns>(contents, [](StatAns& m) {
         std::erase_if(m.kind_responses, [](const StatKindResponse& kind) {
           return std::none_of(kind.values.begin(), kind.values.end(),
                               [](const StoredMetaData& v) { return v.exists; });
         });
       });
     }},
    {D::kFindLeavesOut,
     [](Contents& contents) {
       change<FindAns>(contents, [](FindAns& m) {
         std::erase_if(m.results, [](const FindKindData& kind) { return kind.closest.empty(); });
       });
     }},
};

}  // namespace

void Node::spoil_answer(const Request& request, Contents& contents, std::vector<GenericCertificate>& bucket) {
  for (const ContentsDefect& row : kContentsDefects) {
    if (has_defect(row.defect)) row.spoil(contents);
  }
  if (has_defect(D::kValueSignersMissing)) bucket.clear();
  if (has_defect(D::kProbeTellsAll)) {
    change<ProbeAns>(contents, [&](ProbeAns& m) { m.probe_info.push_back({kUptime, uptime(), {}}); });
  }
  (void)request;
}

void Node::spoil_header(const Request& request, ForwardingHeader& header) {
  if (has_defect(D::kWrongOverlay)) header.overlay ^= 1;
  if (has_defect(D::kVersionNine)) header.version = 9;
  if (has_defect(D::kFragmentBitClear)) header.fragment &= ~kFragmentBit;
  if (has_defect(D::kReservedBitsSet)) header.fragment |= 0x01000000;
  if (has_defect(D::kOwnTransactionInAnswers)) header.transaction_id = random();
  if (has_defect(D::kLimitInAnswers)) header.max_response_length = overlay_->configuration.max_message_size;
  if (has_defect(D::kViaNotReversed) && header.destination_list.size() > 2)
    std::reverse(header.destination_list.begin() + 1, header.destination_list.end());
  if (has_defect(D::kResponseCopyIgnored)) header.options.clear();
  if (has_defect(D::kFlagsCopied)) {
    for (ForwardingOption& option : header.options) {
      for (const ForwardingOption& asked : request.forwarding.options) {
        if (asked.type == option.type) option.flags = asked.flags;
      }
    }
  }
}

void Node::spoil_signature(std::uint64_t transaction_id, std::string_view contents, SecurityBlock& security) {
  if (has_defect(D::kUnsignedAnswers)) security.signature.value.clear();
  if (has_defect(D::kEmptyBucket)) security.certificates.clear();
  if (has_defect(D::kNoSignerIdentity)) security.signature.identity = {kNoIdentity, 0, {}};
  if (has_defect(D::kWrongIdentityType) && security_->certificate() != nullptr) {
    security.signature.identity.type = kCertHashNodeId;
    security.signature.identity.hash =
        cert_hash_node_id(security.signature.identity.hash_alg, node_id().view(), *security_->certificate())
            .value_or("");
  }
  // Signed as if the overlay's hash were zero.
  if (has_defect(D::kSignatureWithoutOverlay)) {
    SecurityBlock other;
    security_->sign_message(0, transaction_id, contents, other);
    security.signature = other.signature;
  }
}

// Whom a message names as its signer, good or not.
std::optional<SignedBy> Node::named_signer(const Message& message) const {
  const Packet* packet = packet_of(message);
  if (packet == nullptr || packet->security.certificates.empty()) return std::nullopt;
  const auto certificate = Certificate::parse(packet->security.certificates.front().certificate);
  if (!certificate.ok() || (*certificate)->node_ids().empty()) return std::nullopt;
  return SignedBy{NodeId((*certificate)->node_ids().front()), (*certificate)->user_name(),
                  std::make_shared<const std::string>((*certificate)->der())};
}

bool Node::is_signed_well(const Envelope& envelope) const {
  Envelope copy = envelope;
  Message message;
  message.context = &overlay_->context;
  decode(encode_part(copy, &overlay_->context), message);
  std::string why;
  return security_->check_message(*overlay_, message, wall_seconds(), why).has_value();
}

// What a forwarder does that puts no entry into the Via List.
bool Node::keeps_state(const ForwardingHeader& header) const {
  return has_defect(D::kDirectWithoutVia) &&
         std::any_of(header.options.begin(), header.options.end(),
                     [](const ForwardingOption& one) { return (one.flags & kIgnoreStateKeeping) != 0; });
}

bool Node::policy_overlooked(const KindRules& rules) const {
  return (rules.policy == Policy::kUserMatch && has_defect(D::kUserMatchIgnored)) ||
         (rules.policy == Policy::kNodeMatch && has_defect(D::kNodeMatchIgnored)) ||
         (rules.policy == Policy::kPrefixMatch && options_.any_prefix);
}

// The Kinds before the one that was refused, as if each were a request.
void Node::store_first_kind(const StoreReq& request, const std::vector<SignedBy>& signers) {
  if (request.kind_data.empty() || signers.size() < request.kind_data.front().values.size()) return;
  StoreReq first = request;
  first.kind_data.resize(1);
  Storage::Stored stored;
  (void)storage_.store(*overlay_, first, signers, clock_.now(), stored);
}

}  // namespace peerscope::reload
