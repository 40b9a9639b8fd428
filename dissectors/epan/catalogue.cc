// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/epan/catalogue.h"

#include <algorithm>

#include "protocols/base/binary_archive.h"

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

// A bit field is registered with the type of its number: Wireshark shows the bits in their place.
ftenum field_type(const FieldPlace& place) {
  const bool boolean = place.field->type == Type::kBoolean;
  return field_type(place.mask != 0 && !boolean ? place.container->type : place.field->type);
}

int field_display(const FieldPlace& place) {
  const Field& field = *place.field;
  constexpr int kBitsPerByte = 8;
  if (field.type == Type::kBoolean && place.mask != 0)
    return kBitsPerByte * static_cast<int>(width_of(place.container->type));
  if (!is_integer(field.type)) return BASE_NONE;
  return field.display == Display::kHex && field.type != Type::kInt64 ? BASE_HEX : BASE_DEC;
}

bool is_short_number(ftenum type) {
  return type == FT_UINT8 || type == FT_UINT16 || type == FT_UINT24 || type == FT_UINT32;
}

// Whether another dissector's field can take our value. One without a type only says that there is something.
bool agree(ftenum ours, ftenum other) {
  return ours == other || other == FT_NONE || other == FT_PROTOCOL ||
         (is_short_number(ours) && is_short_number(other)) || (ours == FT_UINT64 && other == FT_ABSOLUTE_TIME) ||
         (ours == FT_BYTES && other == FT_UINT16);
}

// Positional, because HFILL is: designated initialisers cannot be mixed with it.
hf_register_info field_row(int* hf, const char* label, const char* name, ftenum type, int display, const void* strings,
                           const char* about, std::uint64_t mask = 0) {
  return {hf, {label, name, type, display, strings, mask, about, HFILL}};
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

void Catalogue::enrol(const Protocol& protocol, int proto, std::string_view filter, std::span<const RuleGroup> groups,
                      void (*more)(Catalogue&), bool live) {
  protocol_ = &protocol;
  filter_ = filter;
  for (const FieldPlace& place : protocol.fields()) add_field(place, protocol.document);

  Common& c = common_;
  add(c.message, "message", "Message", FT_STRING, BASE_NONE, nullptr, "Name of the message type");
  add(c.dialect, "dialect", "Dialect", FT_STRING, BASE_NONE, nullptr,
      "Name of a dialect from before the RFC; such a message is shown, not judged");
  add(c.finding, "finding", "Requirement", FT_STRING, BASE_NONE, nullptr,
      "Id of a requirement that this message breaks");
  add(c.finding_text, "finding.text", "Finding", FT_STRING, BASE_NONE, nullptr, "What was expected and what was seen");
  add(c.unknown_member, "unknown_member", "Unknown member", FT_STRING, BASE_NONE, nullptr,
      "Name of a member that the specification does not define");
  add(c.empty_list, "empty_list", "Empty list", FT_STRING, BASE_NONE, nullptr, "Name of a list without elements");
  add(c.left_out, "left_out", "Further entries, not shown", FT_UINT32, BASE_DEC, nullptr,
      "Entries of a list or map beyond the number that the preference most_entries allows");
  add(c.invalid_value, "invalid_value", "Invalid value", FT_STRING, BASE_NONE, nullptr,
      "A value that does not fit the type of its field, as written");
  add(c.response_in, "response_in", "Response in", FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_RESPONSE),
      "The response to this request is in this frame");
  add(c.request_in, "response_to", "Request in", FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_REQUEST),
      "This is a response to the request in this frame");
  add(c.response_time, "response_time", "Response time", FT_RELATIVE_TIME, BASE_NONE, nullptr,
      "Time between the request and its response");
  if (live)
    add(c.unfinished, "unfinished", "Begun, not complete yet", FT_UINT32, BASE_DEC | BASE_UNIT_STRING,
        &units_byte_bytes, "Bytes of an event whose end comes in a later frame, if the capture has it");
  add(c.retransmission_of, "retransmission_of", "Repeats the request in", FT_FRAMENUM, BASE_NONE,
      FRAMENUM_TYPE(FT_FRAMENUM_RETRANS_PREV), "Frame of an earlier request with the same bytes");
  if (protocol.journey_id != nullptr) add_journey();
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

  if (more != nullptr) more(*this);

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

void Catalogue::add_journey() {
  Common& c = common_;
  add(c.transaction, "transaction", "Transaction", FT_NONE, BASE_NONE, nullptr,
      "The messages of this exchange on all links");
  add(c.hop, "transaction.hop", "Hop", FT_UINT32, BASE_DEC, nullptr,
      "Place of this message among the sendings of the request, or of the response");
  add(c.hop_count, "transaction.hops", "Messages", FT_UINT32, BASE_DEC, nullptr,
      "Sendings of request and response on all links");
  add(c.hop_frame, "transaction.frame", "Frame", FT_FRAMENUM, BASE_NONE, nullptr,
      "A frame that carries a message of this exchange");
  add(c.first_request, "transaction.request_in", "First request in", FT_FRAMENUM, BASE_NONE,
      FRAMENUM_TYPE(FT_FRAMENUM_REQUEST), "Where the exchange begins");
  add(c.last_response, "transaction.response_in", "Last response in", FT_FRAMENUM, BASE_NONE,
      FRAMENUM_TYPE(FT_FRAMENUM_RESPONSE), "Where the exchange ends");
  add(c.transaction_time, "transaction.time", "Time", FT_RELATIVE_TIME, BASE_NONE, nullptr, "Since the first request");
  subtrees_.push_back(&c.ett_transaction);
}

void Catalogue::add_tables(std::span<const ValueTable> tables, int proto) {
  const auto slot_of = [&](const char* filter) -> Slot* {
    const auto at = filter == nullptr ? by_name_.end() : by_name_.find(renamed(filter));
    return at == by_name_.end() ? nullptr : at->second;
  };
  for (const ValueTable& row : tables) {
    const auto index = static_cast<int>(tables_.size());
    tables_.push_back({register_dissector_table(keep(filter_ + "." + row.name), row.title, proto, row.type, BASE_HEX),
                       row.value == nullptr});
    for (const char* key : row.keys) {
      if (Slot* slot = slot_of(key); slot != nullptr) slot->key_of = index;
    }
    if (Slot* slot = slot_of(row.value); slot != nullptr) slot->value_of = index;
  }
}

void Catalogue::alias(std::span<const Alias> aliases) {
  for (const Alias& row : aliases) {
    const auto own = by_name_.find(renamed(row.filter));
    const header_field_info* other = proto_registrar_get_byname(row.other);
    if (own == by_name_.end() || other == nullptr) continue;
    if (agree(field_type(own->second->type), other->type)) own->second->aliases.push_back(other->id);
  }
}

void Catalogue::add_field(const FieldPlace& place, const char* document) {
  const Field& field = *place.field;
  if (by_field_.contains(&field)) return;
  if (std::string_view(field.filter) == protocol_->name) {
    root_ = &field;  // its item is the protocol's own; the slot is for aliases
    by_field_[&field] = by_name_[renamed(field.filter)] = &slots_.emplace_back();
    return;
  }
  const std::string name = renamed(field.filter);
  Slot*& slot = by_name_[name];
  if (slot == nullptr) {
    slot = &slots_.emplace_back();
    slot->type = field.type;
    slot->mask = place.mask;
    const void* strings = nullptr;
    int display = field_display(place);
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
    rows_.push_back(field_row(&slot->hf, field.label, keep(name), field_type(place), display, strings,
                              about.empty() ? nullptr : keep(about), place.mask));
    if (field.type == Type::kGroup) subtrees_.push_back(&slot->ett);
  }
  // Bit fields follow their number.
  if (const auto at = by_field_.find(place.container);
      place.mask != 0 && at != by_field_.end() && !at->second->has_bits) {
    at->second->has_bits = true;
    subtrees_.push_back(&at->second->ett);
  }
  by_field_[&field] = slot;
}

void Catalogue::add(int& hf, const char* name, const char* label, ftenum type, int display, const void* strings,
                    const char* about) {
  rows_.push_back(field_row(&hf, label, keep(filter_ + "." + name), type, display, strings, about));
}

void Catalogue::add_expert(expert_field& expert, const std::string& name, int group, int severity,
                           const char* summary) {
  expert_rows_.push_back({&expert, {keep(filter_ + "." + name), group, severity, summary, EXPFILL}});
}

}  // namespace peerscope::epan
