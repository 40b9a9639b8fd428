// SPDX-License-Identifier: GPL-2.0-or-later
// Checks of stored data and of the usages that live in it.
#include "protocols/reload/check_support.h"
#include "protocols/reload/checks.h"

namespace peerscope::reload::checks {

void sto_01(const CheckInput& in, Reporter& r) {
  const auto* store = body<StoreReq>(in);
  if (store != nullptr && has_twice(store->kind_data, [](const StoreKindData& data) { return data.kind; }))
    r.at(kStoreKindDataLength, "a Kind appears twice");
}
void sto_13(const CheckInput& in, Reporter& r) {
  Places places(in, kStoreGeneration);
  const auto* store = body<StoreReq>(in);
  if (store == nullptr || store->replica_number == 0) return;
  for (std::size_t i = 0; i < store->kind_data.size(); ++i) {
    if (store->kind_data[i].generation_counter == 0) r.at(places[i], "a replica with generation counter 0");
  }
}
void sto_19(const CheckInput& in, Reporter& r) {
  Places places(in, kStoreAnsGeneration);
  const auto* answer = body<StoreAns>(in);
  if (answer == nullptr) return;
  for (std::size_t i = 0; i < answer->kind_responses.size(); ++i) {
    if (answer->kind_responses[i].generation_counter == 0) r.at(places[i], "a stored generation counter of 0");
  }
}
void sto_22(const CheckInput& in, Reporter& r) {
  const auto* request = asked<StoreReq>(in);
  const auto* answer = body<StoreAns>(in);
  if (request != nullptr && answer != nullptr) same_kinds(r, request->kind_data, answer->kind_responses, "stored");
}
// The values of an original Store with what is known of their places.
template <class W, class F>
void each_overwritten(const CheckInput& in, W&& is_wanted, F&& look) {
  const auto* store = body<StoreReq>(in);
  const ForwardingHeader* header = header_of(in);
  if (store == nullptr || header == nullptr || store->replica_number != 0 || state_of(in)->written.empty()) return;
  each_value(in, [&](const StoredData& value, std::size_t i) {
    if (!is_wanted(value)) return;
    const auto& written = state_of(in)->written;
    const auto found = written.find(SessionState::place_of(header->overlay, store->resource, value));
    if (found != written.end() && value.storage_time < found->second.until_ms) look(value, i, found->second);
  });
}
void sto_25(const CheckInput& in, Reporter& r) {
  Places places(in, kLifetime);
  const auto removes = [](const StoredData& value) { return !value.exists; };
  each_overwritten(in, removes, [&](const StoredData& value, std::size_t i, const SessionState::Written& old) {
    constexpr std::uint64_t kSecond = 1000;
    const std::uint64_t until = value.storage_time + value.lifetime * kSecond;
    if (old.exists && until + kSecond < old.until_ms)
      r.at(places[i], fmt::format("the removal ends {} s before the lifetime of what it removes",
                                  (old.until_ms - until) / kSecond));
  });
}
void crt_02(const CheckInput& in, Reporter& r) {
  Places places(in, kIndex);
  const auto is_certificate = [](const StoredData& value) {
    return value.exists && (value.kind == kCertificateByNodeKind || value.kind == kCertificateByUserKind);
  };
  each_overwritten(in, is_certificate, [&](const StoredData& value, std::size_t i, const SessionState::Written& old) {
    if (old.exists && hash_of(value.value) != old.value)
      r.at(places[i], fmt::format("overwrites the certificate at index {}", value.index));
  });
}
void sto_28(const CheckInput& in, Reporter& r) {
  Places places(in, kValueSignature);
  if (whole_packet(in) == nullptr) return;
  each_value(in, [&](const StoredData& value, std::size_t i) {
    if (value.signature.value.empty() || value.signature.identity.type == kNoIdentity)
      r.at(places[i], "the value is not signed");
  });
}
void sto_30(const CheckInput& in, Reporter& r) {
  Places places(in, kValue);
  each_value(in, [&](const StoredData& value, std::size_t i) {
    if (!value.exists && !value.value.empty())
      r.at(places[i], fmt::format("a value that does not exist has {} bytes", value.value.size()));
  });
}
void fet_02(const CheckInput& in, Reporter& r) {
  Places places(in, kArrayRange);
  const auto* specifiers = specifiers_of(in);
  if (specifiers == nullptr) return;
  std::size_t i = 0;
  for (const StoredDataSpecifier& specifier : *specifiers) {
    for (const ArrayRange& range : specifier.indices) {
      if (range.first > range.last) r.at(places[i], fmt::format("from {} to {}", range.first, range.last));
      ++i;
    }
  }
}
void fet_03(const CheckInput& in, Reporter& r) {
  const auto* specifiers = specifiers_of(in);
  if (specifiers == nullptr) return;
  for (const StoredDataSpecifier& specifier : *specifiers) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;
    for (const ArrayRange& range : specifier.indices) ranges.emplace_back(range.first, range.last);
    std::sort(ranges.begin(), ranges.end());
    for (std::size_t i = 1; i < ranges.size(); ++i) {
      if (ranges[i].first <= ranges[i - 1].second)
        return r.at(kIndicesLength, fmt::format("index {} is asked for twice", ranges[i].first));
    }
  }
}
void fet_05(const CheckInput& in, Reporter& r) {
  const auto* request = asked<FetchReq>(in);
  const auto* answer = body<FetchAns>(in);
  if (request != nullptr && answer != nullptr) same_kinds(r, request->specifiers, answer->kind_responses, "asked for");
}
void fet_08(const CheckInput& in, Reporter& r) {
  Places places(in, kFetchValue);
  const auto* answer = body<FetchAns>(in);
  if (answer == nullptr) return;
  std::size_t i = 0;
  for (const FetchKindResponse& response : answer->kind_responses) {
    for (const StoredData& value : response.values) {
      const bool nobody = value.signature.identity.type == kNoIdentity;
      const bool synthetic = !value.exists && value.value.empty() && value.signature.hash == 0 &&
                             value.signature.signature == 0 && value.signature.value.empty();
      if (nobody && !synthetic)
        r.at(places[i], "a value without signer that is not 'does not exist' with an empty signature");
      ++i;
    }
  }
}
void fet_11(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    if (issue.field == &kSpecifierLength || issue.field == &kIndicesLength || issue.field == &kKeysLength)
      r.issue(issue);
  }
}
void sta_01(const CheckInput& in, Reporter& r) {
  const auto* request = asked<StatReq>(in);
  const auto* answer = body<StatAns>(in);
  if (request != nullptr && answer != nullptr) same_kinds(r, request->specifiers, answer->kind_responses, "asked for");
}
void fnd_01(const CheckInput& in, Reporter& r) {
  const auto* find = body<FindReq>(in);
  if (find != nullptr && has_twice(find->kinds, [](std::uint32_t kind) { return kind; }))
    r.at(kFindKindsLength, "a Kind appears twice");
}
void trn_01(const CheckInput& in, Reporter& r) {
  Places places(in, kTurnAddress);
  const auto* store = body<StoreReq>(in);
  if (store == nullptr) return;
  std::size_t i = 0;
  each_value(in, [&](const StoredData& value, std::size_t) {
    if (value.kind != kTurnServiceKind || !value.exists) return;
    KindValue typed{value.kind, true, {}};
    if (!decode_part(value.value, typed)) return;
    const IpAddressPort& address = std::get<TurnServer>(typed.value).server_address;
    const std::uint32_t ip = address.ipv4;
    const bool is_private = ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8;
    if (address.type == kIpv4Address && is_private) r.at(places[i], "a private address");
    ++i;
  });
}
void rdr_01(const CheckInput& in, Reporter& r) {
  Places places(in, kStoreValue);
  const auto* store = body<StoreReq>(in);
  const ForwardingHeader* header = header_of(in);
  if (store == nullptr || header == nullptr || store->replica_number != 0 || !header->via_list.empty()) return;
  const auto& fetched = state_of(in)->fetched;
  const auto any = fetched.lower_bound({in.message.source, ""});
  // Whoever never fetched a tree node here does so on another link.
  if (any == fetched.end() || any->first != in.message.source) return;
  if (fetched.contains({in.message.source, store->resource})) return;
  each_value(in, [&](const StoredData& value, std::size_t i) {
    if (value.kind == kRedirKind && value.exists) r.at(places[i], "this tree node was not fetched before");
  });
}
void rdr_06(const CheckInput& in, Reporter& r) {
  const auto* answer = body<FetchAns>(in);
  if (answer == nullptr || in.message.time_ns == 0) return;
  Places places(in, kFetchValue);
  std::size_t i = 0;
  const auto now = static_cast<std::uint64_t>(in.message.time_ns / kMillisecond);
  for (const FetchKindResponse& response : answer->kind_responses) {
    for (const StoredData& value : response.values) {
      constexpr std::uint64_t kSecond = 1000;
      constexpr std::uint64_t kApart = 300 * kSecond;  // the provider's clock and the capture's
      const std::uint64_t until = value.storage_time + value.lifetime * kSecond;
      if (response.kind == kRedirKind && value.exists && until + kApart < now)
        r.at(places[i], fmt::format("the record expired {} s ago", (now - until) / kSecond));
      ++i;
    }
  }
}
void rdr_07(const CheckInput& in, Reporter& r) {
  const auto* leave = body<LeaveReq>(in);
  const ForwardingHeader* header = header_of(in);
  if (leave == nullptr || header == nullptr || !header->via_list.empty() || in.message.time_ns == 0) return;
  const auto provided = state_of(in)->provided.find(leave->leaving_peer_id.str());
  if (provided == state_of(in)->provided.end()) return;
  const auto now = static_cast<std::uint64_t>(in.message.time_ns / kMillisecond);
  for (const SessionState::Place& place : provided->second) {
    const auto record = state_of(in)->written.find(place);
    if (record == state_of(in)->written.end() || !record->second.exists || record->second.until_ms < now) continue;
    if (record->second.source == in.message.source)
      return r.at(kLeavingPeerId, "its record in a ReDiR tree is still there");
  }
}
void sip_04(const CheckInput& in, Reporter& r) {
  Places places(in, kFetchSpecifier);
  const auto* fetch = body<FetchReq>(in);
  if (fetch == nullptr) return;
  for (std::size_t i = 0; i < fetch->specifiers.size(); ++i) {
    if (fetch->specifiers[i].kind == kSipRegistrationKind && !fetch->specifiers[i].keys.empty())
      r.at(places[i], "a look-up of SIP registrations with keys");
  }
}

}  // namespace peerscope::reload::checks
