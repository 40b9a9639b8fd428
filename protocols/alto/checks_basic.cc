// SPDX-License-Identifier: GPL-2.0-or-later
// Checks of HTTP, JSON, basic types and errors (RFC 7285 sections 8 and 10).
#include <algorithm>
#include <set>

#include "protocols/alto/address.h"
#include "protocols/alto/check_support.h"
#include "protocols/alto/checks.h"
#include "protocols/alto/names.h"
#include "protocols/alto/protocol.h"
#include "protocols/base/json_value.h"

namespace peerscope::alto::checks {
namespace {

// PID names; those of the two maps themselves have rows of their own (A-NM-06, A-CM-06).
constexpr Place kPidPlaces[] = {{&kFilterPids, false}, {&kSourcePids, false}, {&kDestinationPids, false}};
constexpr Place kAllPidPlaces[] = {{&kFilterPids, false}, {&kSourcePids, false}, {&kDestinationPids, false},
                                   {&kPid, true},         {&kSourcePid, true},   {&kDestinationPid, true}};
// Resource IDs; the keys of a directory have a row of their own (A-IRD-04).
constexpr Place kResourceIdPlaces[] = {{&kUses, false},
                                       {&kVtagResourceId, false},
                                       {&kDepResourceId, false},
                                       {&kDefaultNetworkMap, false},
                                       {&kFollowedResource, false}};
constexpr Place kAllResourceIdPlaces[] = {{&kUses, false},
                                          {&kVtagResourceId, false},
                                          {&kDepResourceId, false},
                                          {&kDefaultNetworkMap, false},
                                          {&kFollowedResource, false},
                                          {&kResourceId, true}};
constexpr Place kSubstreamPlaces[] = {{&kSubstream, true}, {&kStarted, false}, {&kStopped, false}, {&kRemove, false}};
constexpr Place kEndpointPlaces[] = {{&kEndpoint, true},         {&kEndpoints, false},
                                     {&kSourceEndpoints, false}, {&kDestinationEndpoints, false},
                                     {&kSourceEndpoint, true},   {&kDestinationEndpoint, true}};
constexpr Place kTagPlaces[] = {{&kVtagTag, false}, {&kDepTag, false}, {&kHeldTag, false}};

bool starts_with_mark(const CheckInput& in) {
  return in.message.view().starts_with("\xef\xbb\xbf");
}
bool is_mark(const CheckInput& in, const Issue& issue) {
  return issue.shape == Shape::kMalformed && issue.offset == 0 && starts_with_mark(in);
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

// Every member name that a description has.
const std::set<std::string_view>& member_names() {
  static const auto& names = *new std::set<std::string_view>([] {
    std::set<std::string_view> out;
    for (const FieldPlace& place : protocol().fields()) {
      if (place.field->name[0] != '\0' && place.field != &kRoot) out.insert(place.field->name);
    }
    return out;
  }());
  return names;
}

constexpr const Field* kDataMembers[] = {
    &kResources,       &kNetworkMapData,  &kCostMapData,      &kEndpointPropertiesData,
    &kEndpointCostMap, &kPropertyMapData, &kCdniAdvertisement};

// Members that stand directly in the message and are not described there.
template <class F>
void each_unknown_in(const CheckInput& in, const Field& parent, F&& body) {
  for (const Event& event : in.message.events) {
    const Event* above = parent_of(in.message, event);
    if (event.unknown && !event.inner && above != nullptr && above->field == &parent) body(event);
  }
}

// What the endpoint at this place says; nothing where A-TYP-09 or -10 speak already.
template <class F>
void each_endpoint(const CheckInput& in, std::string_view type, F&& body) {
  each_name(in.message, kEndpointPlaces, [&](const Event& event, std::string_view text) {
    const auto typed = split_endpoint(text);
    if (typed && typed->type == type) body(event, text, typed->address);
  });
}

template <class F>
void each_prefix(const CheckInput& in, F&& body) {
  each(in.message, kPrefix, [&](const Event& event) {
    if (event.has_text) body(event, event.label, event.text);
  });
}

bool is_ip(std::string_view type) {
  return type == kIpv4 || type == kIpv6;
}

void prefix_syntax(const CheckInput& in, Reporter& r, std::string_view family) {
  each_prefix(in, [&](const Event& event, std::string_view type, std::string_view text) {
    if (type != family) return;
    const auto prefix = parse_prefix(type, text);
    r.reset();
    if (!prefix) return r.at(&event, fmt::format("\"{}\" is no {} prefix", clip_text(text, 80), family));
    if (prefix->canonical) return;
    r.soften(Severity::kNote);
    r.at(&event, fmt::format("{} is {} in the canonical form", text, prefix->prefix.text()));
  });
}

// "<resource>.<part>" (RFC 9275 section 6.6).
bool may_be_part_id(const CheckInput& in, const Event& event) {
  if (event.field != &kVtagResourceId && event.field != &kDepResourceId) return false;
  const auto costs = costs_of(in.message);
  return is<PropertyMap>(in) || !in.message.whole() || (costs && costs->has_mode(kArray));
}

// Whether the request has a member at this path, whatever its type.
bool has_member(const JsonValue& request, std::string_view path) {
  const JsonValue* here = &request;
  while (here != nullptr && !path.empty()) {
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(name.size() + 1, path.size()));
    here = here->find(name);
  }
  return here != nullptr;
}

// An error's code, and the member of the request that it names.
void named_member(const CheckInput& in, Reporter& r, std::string_view code, bool must_exist) {
  const auto* m = body_of<Error>(in.message);
  if (m == nullptr || !m->meta || m->meta->code != code || !m->meta->field) return;
  // The input of another resource has the faults, and the paths, of that resource (RFC 8895 section 6.5, RFC 9569
  // section 6.2).
  if (body_of<UpdateStreamParams>(in.request) != nullptr || body_of<TipsParams>(in.request) != nullptr) return;
  const auto request = parse_json(in.request->view());
  if (request == nullptr || has_member(*request, *m->meta->field) == must_exist) return;
  // RFC 7285 shows the path once from the inside out (A-ERR-15).
  const std::size_t slash = m->meta->field->rfind('/');
  if (slash != std::string::npos && must_exist) {
    const std::string turned = m->meta->field->substr(slash + 1) + "/" + m->meta->field->substr(0, slash);
    if (has_member(*request, turned)) return;
  }
  r.at(in.message.first(kErrorField),
       fmt::format("{} names {}, and the request {} it", code, *m->meta->field, must_exist ? "does not have" : "has"));
}

}  // namespace

void http_02(const CheckInput& in, Reporter& r) {
  const std::string& method = in.message.transport.method;
  if (in.message.direction == Direction::kRequest && in.message.size != 0 && !method.empty() && method != "POST")
    r.whole(fmt::format("input parameters travel by {}, expected POST", method));
}

void http_03(const CheckInput& in, Reporter& r) {
  if (in.message.direction != Direction::kRequest || in.message.type == nullptr) return;
  const auto* resource = session_of(in)->target_of(in.message);
  if (resource != nullptr && resource->accepts != in.message.type->media_type)
    r.whole(fmt::format("the directory says that this resource accepts {}, the request is {}", resource->accepts,
                        in.message.type->media_type));
}

void http_06(const CheckInput& in, Reporter& r) {
  const Transport& transport = in.message.transport;
  if (transport.status != 0 && transport.has_http && transport.http_version == 11 && transport.content_type.empty() &&
      in.message.size != 0)
    r.whole("a response with a body has no Content-Type");
}

// The rule binds the reader of a message; on the wire an unknown member is only an observation.
void http_13(const CheckInput& in, Reporter& r) {
  for (const Event& event : in.message.events) {
    if (!event.unknown || event.inner) continue;
    const Event* above = parent_of(in.message, event);
    r.at(&event, fmt::format("member {} of {} is not in the specifications (ignored)", event.label,
                             above == nullptr || above->field->name[0] == '\0' ? "this object" : above->field->name));
  }
}

void http_14(const CheckInput& in, Reporter& r) {
  const int status = in.message.transport.status;
  if (status == 0 || in.message.type == nullptr || in.message.direction != Direction::kResponse) return;
  if (is<Error>(in) && status < 400) r.whole(fmt::format("an ALTO error came with HTTP status {}", status));
  if (!is<Error>(in) && status >= 400)
    r.whole(fmt::format("a {} came with HTTP status {}", in.message.type->name, status));
}

void jsn_01(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    const bool text = rows::one_of(
        issue.shape, {Shape::kMalformed, Shape::kCutShort, Shape::kTrailing, Shape::kTooDeep, Shape::kNotUtf8});
    const bool root = issue.field == nullptr && issue.shape == Shape::kWrongType;
    if ((text || root) && !is_mark(in, issue)) r.issue(issue);
  }
}

void jsn_02(const CheckInput& in, Reporter& r) {
  for (const Event& event : in.message.events) {
    if (!event.unknown || event.inner) continue;
    for (const std::string_view name : member_names()) {
      if (event.label != name && same_letters(event.label, name))
        r.at(&event, fmt::format("{} is no member; {} is, and case counts", event.label, name));
    }
  }
}

void jsn_03(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kMeta}, {Shape::kMissing, Shape::kWrongType});
}

void jsn_04(const CheckInput& in, Reporter& r) {
  each_unknown_in(in, kRoot, [&](const Event& event) {
    for (const Field* member : kDataMembers) {
      if (event.label == member->name)
        r.at(&event, fmt::format("data member {} does not belong to a message of type {}", event.label,
                                 in.message.type != nullptr ? in.message.type->name : "unknown"));
    }
  });
}

void jsn_06(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    if (is_mark(in, issue)) return r.whole("the body begins with a byte order mark");
  }
}

void typ_01(const CheckInput& in, Reporter& r) {
  each_name(in.message, kPidPlaces, [&](const Event& event, std::string_view name) {
    const std::string fault = pid_name_fault(name, true);
    if (!name.empty() && !fault.empty()) r.at(&event, "PID name " + fault);
  });
}

void typ_02(const CheckInput& in, Reporter& r) {
  const auto dot = [&](const Event& event, std::string_view name) {
    if (has_dot(name) && !may_be_part_id(in, event))
      r.at(&event, fmt::format("\"{}\" has a dot, which is reserved", clip_text(name, 80)));
  };
  each_name(in.message, kAllPidPlaces, dot);
  each_name(in.message, kAllResourceIdPlaces, dot);
}

void typ_03(const CheckInput& in, Reporter& r) {
  const auto empty = [&](const Event& event, std::string_view name) {
    if (name.empty()) r.at(&event, "the name is empty");
  };
  each_name(in.message, kAllPidPlaces, empty);
  each_name(in.message, kAllResourceIdPlaces, empty);
}

void typ_04(const CheckInput& in, Reporter& r) {
  each_name(in.message, kResourceIdPlaces, [&](const Event& event, std::string_view name) {
    // A path vector's is two IDs with a dot between them; each part is looked at by A-PV-12.
    const std::string fault = pid_name_fault(name, true);
    if (!name.empty() && !fault.empty()) r.at(&event, "resource ID " + fault);
  });
}

void typ_05(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kVtagResourceId, &kVtagTag, &kDepResourceId, &kDepTag}, {Shape::kMissing, Shape::kWrongType});
}

void typ_06(const CheckInput& in, Reporter& r) {
  each_name(in.message, kTagPlaces, [&](const Event& event, std::string_view tag) {
    if (const std::string fault = tag_fault(tag); !fault.empty()) r.at(&event, "the tag " + fault);
  });
}

void typ_09(const CheckInput& in, Reporter& r) {
  each_name(in.message, kEndpointPlaces, [&](const Event& event, std::string_view text) {
    if (!split_endpoint(text))
      r.at(&event, fmt::format("\"{}\" is no AddressType, colon and address", clip_text(text, 80)));
  });
}

void typ_10(const CheckInput& in, Reporter& r) {
  const auto type_at = [&](const Event& event, std::string_view type) {
    if (!is_letters_and_digits(type))
      r.at(&event, fmt::format("address type \"{}\" is not letters and digits", clip_text(type, 80)));
    else if (!is_ip(type))
      r.at(&event, fmt::format("address type \"{}\" is not registered", clip_text(type, 80)));
  };
  static constexpr Place kTypePlaces[] = {{&kAddressType, true}, {&kAddressTypes, false}};
  each_name(in.message, kTypePlaces, type_at);
  each_name(in.message, kEndpointPlaces, [&](const Event& event, std::string_view text) {
    if (const auto typed = split_endpoint(text); typed) type_at(event, typed->type);
  });
}

void typ_11(const CheckInput& in, Reporter& r) {
  each_endpoint(in, kIpv4, [&](const Event& event, std::string_view text, std::string_view address) {
    const Endpoint endpoint = parse_endpoint(text);
    if (!endpoint.address && !endpoint.prefix)
      r.at(&event, fmt::format("\"{}\" is no IPv4 address", clip_text(address, 80)));
  });
}

void typ_12(const CheckInput& in, Reporter& r) {
  each_endpoint(in, kIpv6, [&](const Event& event, std::string_view text, std::string_view address) {
    const Endpoint endpoint = parse_endpoint(text);
    r.reset();
    if (!endpoint.value()) return r.at(&event, fmt::format("\"{}\" is no IPv6 address", clip_text(address, 80)));
    if (endpoint.canonical) return;
    r.soften(Severity::kNote);
    r.at(&event, fmt::format("{} is {} in the canonical form", address, endpoint.value()->text()));
  });
}

void typ_13(const CheckInput& in, Reporter& r) {
  prefix_syntax(in, r, kIpv4);
}
void typ_14(const CheckInput& in, Reporter& r) {
  prefix_syntax(in, r, kIpv6);
}

void typ_16(const CheckInput& in, Reporter& r) {
  each_prefix(in, [&](const Event& event, std::string_view type, std::string_view text) {
    const auto prefix = parse_prefix(type, text);
    if (prefix && prefix->host_bits)
      r.at(&event, fmt::format("{} has host bits set; it means {}", text, prefix->prefix.text()));
  });
}

void typ_17(const CheckInput& in, Reporter& r) {
  each_prefix(in, [&](const Event& event, std::string_view type, std::string_view text) {
    const auto prefix = parse_prefix(type, text);
    if (prefix && prefix->no_length)
      r.at(&event, fmt::format("{} has no length; it means {}", text, prefix->prefix.text()));
  });
}

void typ_18(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kPrefix}, {Shape::kWrongType});
}

void typ_19(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kCostMode}, {Shape::kWrongType});
}

void typ_20(const CheckInput& in, Reporter& r) {
  each(in.message, kCostMetric, [&](const Event& event) {
    if (const std::string fault = cost_metric_fault(event.text); !fault.empty()) r.at(&event, "cost-metric " + fault);
  });
}

void typ_21(const CheckInput& in, Reporter& r) {
  each(in.message, kCostMetric, [&](const Event& event) {
    const Metric metric = split_metric(event.text);
    if (has_dot(metric.base) || (has_dot(metric.statistic) && !metric.statistic.starts_with('p')))
      r.at(&event, fmt::format("cost-metric {} has a dot outside a percentile", event.text));
  });
}

void typ_22(const CheckInput& in, Reporter& r) {
  each(in.message, kCostMetric, [&](const Event& event) {
    if (!is_known_metric(split_metric(event.text).base))
      r.at(&event, fmt::format("cost-metric \"{}\" is neither registered nor private", clip_text(event.text, 80)));
  });
}

void typ_23(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kCostMetric, &kCostDescription, &kNamedCostType, &kMultiCostTypes, &kTestableCostTypes},
        {Shape::kWrongType});
  if (!in.message.whole()) return;
  const bool multi = in.message.first(kMultiCostTypes) != nullptr;
  for (const Field* field : {&kCostType, &kNamedCostType, &kMultiCostTypes, &kTestableCostTypes}) {
    each(in.message, *field, [&](const Event& event) {
      // Beside multi-cost-types stands an empty one (A-MC-14).
      if (field == &kCostType && (multi || !is<CostMap>(in))) return;
      for (const Field* member : {&kCostMetric, &kCostMode}) {
        if (child(in.message, event, *member) == nullptr) r.at(&event, fmt::format("{} is missing", member->name));
      }
    });
  }
}

void typ_25(const CheckInput& in, Reporter& r) {
  static constexpr Place kPlaces[] = {{&kProperties, false}, {&kPropertyName, true}, {&kPropTypes, false}};
  if (is<PropertyMap>(in) || is<PropertyMapParams>(in)) return;  // A-UP-07
  each_name(in.message, kPlaces, [&](const Event& event, std::string_view name) {
    if (has_dot(name)) return;
    if (const std::string fault = property_name_fault(name); !fault.empty()) r.at(&event, "property name " + fault);
  });
}

void typ_26(const CheckInput& in, Reporter& r) {
  static constexpr Place kPlaces[] = {{&kProperties, false}, {&kPropertyName, true}, {&kPropTypes, false}};
  if (is<PropertyMap>(in) || is<PropertyMapParams>(in)) return;
  each_name(in.message, kPlaces, [&](const Event& event, std::string_view name) {
    if (!has_dot(name)) return;
    if (const std::string fault = property_name_fault(name); !fault.empty()) r.at(&event, "property name: " + fault);
  });
}

void typ_27(const CheckInput& in, Reporter& r) {
  static constexpr Place kPlaces[] = {{&kProperties, false}, {&kPropertyName, true}, {&kPropTypes, false}};
  if (is<PropertyMap>(in) || is<PropertyMapParams>(in)) return;
  each_name(in.message, kPlaces, [&](const Event& event, std::string_view name) {
    const std::string_view type = split_scoped(name).name;
    if (type != kPidProperty && !(type.starts_with(kPrivate) && type.size() > kPrivate.size()))
      r.at(&event, fmt::format("property \"{}\" is neither registered nor private", clip_text(type, 80)));
  });
}

void typ_28(const CheckInput& in, Reporter& r) {
  each_name(in.message, kSubstreamPlaces, [&](const Event& event, std::string_view name) {
    if (const std::string fault = pid_name_fault(name); !fault.empty()) r.at(&event, "substream ID " + fault);
  });
}

void err_02(const CheckInput& in, Reporter& r) {
  if (is<Error>(in) || in.message.type == nullptr) return;
  each_unknown_in(in, kMeta, [&](const Event& event) {
    if (event.label == kErrorCode.name)
      r.at(&event, fmt::format("an error travels as {}", in.message.type->media_type));
  });
}

void err_03(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kErrorCode}, {Shape::kMissing, Shape::kWrongType, Shape::kUnknownValue});
}

void err_06(const CheckInput& in, Reporter& r) {
  named_member(in, r, kErrorMissingField, false);
}
void err_07(const CheckInput& in, Reporter& r) {
  named_member(in, r, kErrorFieldType, true);
}
void err_08(const CheckInput& in, Reporter& r) {
  named_member(in, r, kErrorFieldValue, true);
}

void err_09(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<Error>(in.message);
  if (m != nullptr && m->meta && m->meta->value && !m->meta->field && in.message.whole())
    r.at(in.message.first(kErrorValue), "value is given without field");
}

void err_10(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kErrorValue, &kErrorField, &kErrorSyntaxText}, {Shape::kWrongType});
}

void err_15(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<Error>(in.message);
  if (m == nullptr || !m->meta || !m->meta->field) return;
  const std::string& field = *m->meta->field;
  const bool odd = field.empty() || field.front() == '/' || field.back() == '/' || has_dot(field) ||
                   field.find_first_of("[]") != std::string::npos || field.find("//") != std::string::npos;
  const bool turned = field.starts_with("cost-metric/") || field.starts_with("cost-mode/");
  if (odd || turned)
    r.at(in.message.first(kErrorField),
         fmt::format("{} is no path of member names joined by /, the outermost first", field));
}

void err_16(const CheckInput& in, Reporter& r) {
  const int status = in.message.transport.status;
  if (is<Error>(in) && status >= 400 && status != 400)
    r.whole(fmt::format("an ALTO error came with HTTP status {}; 400 is usual", status));
}

void err_17(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<Error>(in.message);
  if (m == nullptr || !m->meta || !m->meta->code) return;
  const std::string& code = *m->meta->code;
  if (code == kErrorSyntax && m->meta->field) r.at(in.message.first(kErrorField), "E_SYNTAX comes with a field");
  if (code == kErrorSyntax && m->meta->value) r.at(in.message.first(kErrorValue), "E_SYNTAX comes with a value");
  if (code != kErrorSyntax && code != kErrorFieldValue && m->meta->value)
    r.at(in.message.first(kErrorValue), fmt::format("{} comes with a value", code));
  if (code != kErrorSyntax && m->meta->syntax_error)
    r.at(in.message.first(kErrorSyntaxText), fmt::format("{} comes with a syntax-error", code));
}

void err_18(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<Error>(in.message);
  if (m != nullptr && m->meta && m->meta->code && !m->meta->code->starts_with("E_"))
    r.at(in.message.first(kErrorCode), fmt::format("code {} does not start with E_", clip_text(*m->meta->code, 80)));
}

}  // namespace peerscope::alto::checks
