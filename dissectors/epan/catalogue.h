// SPDX-License-Identifier: GPL-2.0-or-later
// Catalogue: a protocol's registrations with Wireshark, made from its field and requirement tables. Each filter name is
// one header field, however many Fields share it; each row with a check is one expert item.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dissectors/epan/ws_compat.h"
#include "protocols/base/message.h"
#include "protocols/base/protocol.h"

namespace peerscope::epan {

// Requirement rows whose expert group is not the usual one of their scope.
struct RuleGroup {
  std::string_view id;
  int group;  // PI_MALFORMED, PI_SECURITY, ...
};

// A field of ours, by filter name, whose values another dissector's field gets too (as a hidden item), so that the
// filters of its users go on to match.
struct Alias {
  const char* filter;
  const char* other;
};

// A dissector table for the values of a field, so that others can dissect what this protocol only carries: keyed by the
// number of the last of `keys` before the value. Its name is the filter name, a dot, and `name`.
struct ValueTable {
  const char* name;
  const char* title;
  ftenum type;
  const char* keys[2];  // filter names
  const char* value;    // null: the bytes of the group in which the key stands
};
// What the table's dissectors get as data.
struct ValueContext {
  const Message* message;
  std::uint32_t number;  // the key
  std::uint32_t event;   // of the value, in message->events
};

class Catalogue {
 public:
  struct Slot {
    int hf = -1;
    int ett = -1;  // groups, and numbers with bit fields
    Type type = Type::kGroup;
    std::uint64_t mask = 0;    // of a bit field
    bool has_bits = false;     // a number with bit fields
    std::vector<int> aliases;  // fields of others that are filled too
    int key_of = -1;           // index into tables()
    int value_of = -1;
  };
  // Fields that every protocol has.
  struct Common {
    int message = -1;
    int dialect = -1;
    int finding = -1;
    int finding_text = -1;
    int unknown_member = -1;
    int empty_list = -1;
    int left_out = -1;  // entries of a list or map
    int invalid_value = -1;
    int request_in = -1;  // response_to
    int response_in = -1;
    int response_time = -1;
    int retransmission_of = -1;
    int unfinished = -1;  // bodies that are shown while they go on
    // Protocols whose exchanges cross several links.
    int transaction = -1;
    int hop = -1;
    int hop_count = -1;
    int hop_frame = -1;
    int first_request = -1;
    int last_response = -1;
    int transaction_time = -1;
    int ett_transaction = -1;
    int ett_protocol = -1;
    int ett_finding = -1;
    expert_field softened[4] = {EI_INIT, EI_INIT, EI_INIT, EI_INIT};  // by Severity
    expert_field retransmission = EI_INIT;
    expert_field old_dialect = EI_INIT;
    expert_field failure = EI_INIT;
    expert_field more = EI_INIT;
  };

  // Once, after enrol().
  void add_tables(std::span<const ValueTable> tables, int proto);
  struct Table {
    dissector_table_t handle;
    bool by_group;
  };
  const std::vector<Table>& tables() const { return tables_; }

  // Fields of a built-in dissector that are filled with the values of ours. Once, when all protocols are registered;
  // names that this Wireshark does not have are left out, as are those of another type.
  void alias(std::span<const Alias> aliases);

  // `filter` is the protocol's filter name, normally protocol.name. Registered rows point into this object: it must
  // live as long as epan.
  // `more` adds fields that no table has. `live`: bodies are shown while they go on.
  void enrol(const Protocol& protocol, int proto, std::string_view filter, std::span<const RuleGroup> groups,
             void (*more)(Catalogue&) = nullptr, bool live = false);
  // For `more`: `name` goes behind the filter name.
  void add(int& hf, const char* name, const char* label, ftenum type, int display, const void* strings,
           const char* about);
  void add_subtree(int& ett) { subtrees_.push_back(&ett); }
  void add_expert(expert_field& expert, const std::string& name, int group, int severity, const char* summary);

  const Slot* slot(const Field* field) const;
  // The protocol's own field by filter name, or null.
  const Field* field(std::string_view filter) const;
  expert_field* rule(const Requirement* requirement);
  Common& common() { return common_; }
  const Common& common() const { return common_; }
  bool is_root(const Field* field) const { return field == root_; }

 private:
  const char* keep(std::string text) { return texts_.emplace_back(std::move(text)).c_str(); }
  std::string renamed(std::string_view filter) const;
  void add_field(const FieldPlace& place, const char* document);
  void add_journey();

  const Protocol* protocol_ = nullptr;
  std::string filter_;
  const Field* root_ = nullptr;  // the group that is the protocol's own tree item
  std::deque<std::string> texts_;
  std::deque<std::vector<value_string>> names_;
  std::deque<std::vector<val64_string>> names64_;
  std::deque<Slot> slots_;
  std::unordered_map<std::string, Slot*> by_name_;
  std::unordered_map<const Field*, Slot*> by_field_;
  std::unordered_map<const Requirement*, expert_field> rules_;
  std::vector<hf_register_info> rows_;
  std::vector<ei_register_info> expert_rows_;
  std::vector<int*> subtrees_;
  std::vector<Table> tables_;
  Common common_;
};

int expert_severity(Severity severity);

}  // namespace peerscope::epan
