// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/epan/catalogue.h"

#include <algorithm>

namespace peerscope::epan {
namespace {

ftenum field_type(Type type) {
  switch (type) {
    case Type::kGroup:
      return FT_NONE;
    case Type::kBoolean:
      return FT_BOOLEAN;
    case Type::kUint8:
      return FT_UINT8;
    case Type::kUint16:
      return FT_UINT16;
    case Type::kUint24:
      return FT_UINT24;
    case Type::kUint32:
      return FT_UINT32;
    case Type::kUint64:
      return FT_UINT64;
    case Type::kInt64:
      return FT_INT64;
    case Type::kDouble:
      return FT_DOUBLE;
    case Type::kString:
      return FT_STRING;
    case Type::kBytes:
      return FT_BYTES;
    case Type::kIpv4:
      return FT_IPv4;
    case Type::kIpv6:
      return FT_IPv6;
  }
  return FT_NONE;
}

int field_display(const Field& field) {
  if (!is_integer(field.type)) return BASE_NONE;
  return field.display == Display::kHex && field.type != Type::kInt64 ? BASE_HEX : BASE_DEC;
}

// Positional, because HFILL is: designated initialisers cannot be mixed with it.
hf_register_info field_row(int* hf, const char* label, const char* name, ftenum type, int display, const void* strings,
                           const char* about) {
  return {hf, {label, name, type, display, strings, 0, about, HFILL}};
}

}  // namespace

int expert_severity(Severity severity) {
  switch (severity) {
    case Severity::kChat:
      return PI_CHAT;
    case Severity::kNote:
      return PI_NOTE;
    case Severity::kWarn:
      return PI_WARN;
    case Severity::kError:
      return PI_ERROR;
  }
  return PI_ERROR;
}

void Catalogue::enrol(const Protocol& protocol, int proto, std::string_view filter, std::span<const RuleGroup> groups) {
  protocol_ = &protocol;
  filter_ = filter;
  for (const FieldPlace& place : protocol.fields()) add_field(*place.field, protocol.document);

  Common& c = common_;
  add_common(c.message, "message", "Message", FT_STRING, BASE_NONE, nullptr, "Name of the message type");
  add_common(c.dialect, "dialect", "Dialect", FT_STRING, BASE_NONE, nullptr,
             "Name of a dialect from before the RFC; such a message is shown, not judged");
  add_common(c.finding, "finding", "Requirement", FT_STRING, BASE_NONE, nullptr,
             "Id of a requirement that this message breaks");
  add_common(c.finding_text, "finding.text", "Finding", FT_STRING, BASE_NONE, nullptr,
             "What was expected and what was seen");
  add_common(c.unknown_member, "unknown_member", "Unknown member", FT_STRING, BASE_NONE, nullptr,
             "Name of a member that the specification does not define");
  add_common(c.empty_list, "empty_list", "Empty list", FT_STRING, BASE_NONE, nullptr,
             "Name of a list without elements");
  add_common(c.invalid_value, "invalid_value", "Invalid value", FT_STRING, BASE_NONE, nullptr,
             "A value that does not fit the type of its field, as written");
  add_common(c.response_in, "response_in", "Response in", FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_RESPONSE),
             "The response to this request is in this frame");
  add_common(c.request_in, "response_to", "Request in", FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_REQUEST),
             "This is a response to the request in this frame");
  add_common(c.response_time, "response_time", "Response time", FT_RELATIVE_TIME, BASE_NONE, nullptr,
             "Time between the request and its response");
  add_common(c.retransmission_of, "retransmission_of", "Repeats the request in", FT_FRAMENUM, BASE_NONE,
             FRAMENUM_TYPE(FT_FRAMENUM_RETRANS_PREV), "Frame of an earlier request with the same bytes");
  subtrees_.push_back(&c.ett_protocol);
  subtrees_.push_back(&c.ett_finding);

  for (const Requirement& row : protocol.requirements) {
    if (row.check == nullptr) continue;
    int group = row.scope == Scope::kMessage ? PI_PROTOCOL : PI_SEQUENCE;
    const auto special = std::ranges::find(groups, std::string_view(row.id), &RuleGroup::id);
    if (special != groups.end()) group = special->group;
    std::string name = row.id;
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c_) { return static_cast<char>(g_ascii_tolower(static_cast<gchar>(c_))); });
    expert_field& expert = rules_.emplace(&row, expert_field EI_INIT).first->second;
    add_expert(expert, name, group, expert_severity(row.severity), keep(std::string(row.id) + ": " + row.text));
  }
  // An expert item's severity is fixed, a finding's is not: softened ones share these.
  add_expert(c.softened[0], "finding.chat", PI_PROTOCOL, PI_CHAT, "Observation on a requirement");
  add_expert(c.softened[1], "finding.note", PI_PROTOCOL, PI_NOTE, "Lenient form of a requirement");
  add_expert(c.softened[2], "finding.warn", PI_PROTOCOL, PI_WARN, "Requirement bent");
  add_expert(c.softened[3], "finding.error", PI_PROTOCOL, PI_ERROR, "Requirement broken");
  add_expert(c.retransmission, "retransmission", PI_SEQUENCE, PI_NOTE, "Request repeated");
  add_expert(c.old_dialect, "pre_rfc_dialect", PI_PROTOCOL, PI_NOTE, "Dialect from before the RFC: shown, not judged");
  add_expert(c.more, "not_shown", PI_UNDECODED, PI_NOTE, "Too much to show");
  add_expert(c.failure, "failure", PI_UNDECODED, PI_WARN, "The dissector ran out of memory");

  proto_register_field_array(proto, rows_.data(), static_cast<int>(rows_.size()));
  proto_register_subtree_array(subtrees_.data(), static_cast<int>(subtrees_.size()));
  expert_register_field_array(expert_register_protocol(proto), expert_rows_.data(),
                              static_cast<int>(expert_rows_.size()));
}

const Catalogue::Slot* Catalogue::slot(const Field* field) const {
  const auto found = by_field_.find(field);
  return found == by_field_.end() ? nullptr : found->second;
}

const Field* Catalogue::field(std::string_view filter) const {
  for (const auto& [field, slot] : by_field_) {
    if (field->filter == filter) return field;
  }
  return nullptr;
}

expert_field* Catalogue::rule(const Requirement* requirement) {
  const auto found = rules_.find(requirement);
  return found == rules_.end() ? nullptr : &found->second;
}

// Under a fallback name the protocol's fields move along, so that they cannot clash with the owner of the usual one.
std::string Catalogue::renamed(std::string_view filter) const {
  const std::string_view own = protocol_->name;
  if (filter_ == own || !filter.starts_with(own)) return std::string(filter);
  return filter_ + std::string(filter.substr(own.size()));
}

void Catalogue::add_field(const Field& field, const char* document) {
  if (by_field_.contains(&field)) return;
  if (std::string_view(field.filter) == protocol_->name) {
    root_ = &field;
    return;
  }
  const std::string name = renamed(field.filter);
  Slot*& slot = by_name_[name];
  if (slot == nullptr) {
    slot = &slots_.emplace_back();
    slot->type = field.type;
    const void* strings = nullptr;
    int display = field_display(field);
    if (!field.names.empty() && (field.type == Type::kUint64 || field.type == Type::kInt64)) {
      auto& list = names64_.emplace_back();
      for (const ValueName& row : field.names) list.push_back({static_cast<guint64>(row.value), row.name});
      list.push_back({0, nullptr});
      strings = VALS64(list.data());
      display |= BASE_VAL64_STRING;
    } else if (!field.names.empty() && is_integer(field.type)) {
      auto& list = names_.emplace_back();
      for (const ValueName& row : field.names) list.push_back({static_cast<guint32>(row.value), row.name});
      list.push_back({0, nullptr});
      strings = VALS(list.data());
    }
    std::string about = field.about;
    if (field.section != nullptr && field.section[0] != '\0') {
      about += std::string(about.empty() ? "" : " ") + "(" + document + " section " + field.section + ")";
    }
    rows_.push_back(field_row(&slot->hf, field.label, keep(name), field_type(field.type), display, strings,
                              about.empty() ? nullptr : keep(about)));
    if (field.type == Type::kGroup) subtrees_.push_back(&slot->ett);
  }
  by_field_[&field] = slot;
}

void Catalogue::add_common(int& hf, const char* name, const char* label, ftenum type, int display, const void* strings,
                           const char* about) {
  rows_.push_back(field_row(&hf, label, keep(filter_ + "." + name), type, display, strings, about));
}

void Catalogue::add_expert(expert_field& expert, const std::string& name, int group, int severity,
                           const char* summary) {
  expert_rows_.push_back({&expert, {keep(filter_ + "." + name), group, severity, summary, EXPFILL}});
}

}  // namespace peerscope::epan
