// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/reload/fragments.h"

#include "dissectors/reload/insight.h"
#include "dissectors/reload/reload.h"
#include "protocols/reload/fragments.h"
#include "protocols/reload/protocol.h"

namespace peerscope::reload {
namespace {

reassembly_table table;
epan::PreferenceBool reassemble = TRUE;

int hf_fragments = -1;
int hf_fragment = -1;
int hf_overlap = -1;
int hf_conflict = -1;
int hf_multiple_tails = -1;
int hf_too_long = -1;
int hf_error = -1;
int hf_count = -1;
int hf_reassembled_in = -1;
int hf_length = -1;
int hf_data = -1;
int ett_fragment = -1;
int ett_fragments = -1;

const fragment_items kItems = {&ett_fragment,      &ett_fragments,     &hf_fragments, &hf_fragment,      &hf_overlap,
                               &hf_conflict,       &hf_multiple_tails, &hf_too_long,  &hf_error,         &hf_count,
                               &hf_reassembled_in, &hf_length,         &hf_data,      "RELOAD fragments"};

// A link's direction and the message on it. Epan's own keys have 32 bits for an id, transaction IDs have 64.
struct MessageId {
  guint64 transaction;
  guint32 overlay;
};
struct Key {
  address source;
  address destination;
  guint32 source_port;
  guint32 destination_port;
  MessageId id;
};

guint hash_key(gconstpointer data) {
  const auto* key = static_cast<const Key*>(data);
  guint hash = add_address_to_hash(0, &key->source);
  hash = add_address_to_hash(hash, &key->destination);
  hash ^= key->source_port << 16 ^ key->destination_port ^ key->id.overlay;
  return hash ^ static_cast<guint>(key->id.transaction) ^ static_cast<guint>(key->id.transaction >> 32);
}

gboolean equal_keys(gconstpointer one, gconstpointer other) {
  const auto* a = static_cast<const Key*>(one);
  const auto* b = static_cast<const Key*>(other);
  return a->id.transaction == b->id.transaction && a->id.overlay == b->id.overlay && a->source_port == b->source_port &&
         a->destination_port == b->destination_port && addresses_equal(&a->source, &b->source) &&
         addresses_equal(&a->destination, &b->destination);
}

Key* make_key(const packet_info* pinfo, const void* data) {
  Key* key = g_slice_new0(Key);
  key->source_port = pinfo->srcport;
  key->destination_port = pinfo->destport;
  key->id = *static_cast<const MessageId*>(data);
  return key;
}
// The addresses of a packet stay where they are only as long as the packet.
gpointer temporary_key(const packet_info* pinfo, const guint32, const void* data) {
  Key* key = make_key(pinfo, data);
  copy_address_shallow(&key->source, &pinfo->src);
  copy_address_shallow(&key->destination, &pinfo->dst);
  return key;
}
gpointer persistent_key(const packet_info* pinfo, const guint32, const void* data) {
  Key* key = make_key(pinfo, data);
  copy_address(&key->source, &pinfo->src);
  copy_address(&key->destination, &pinfo->dst);
  return key;
}
void free_temporary_key(gpointer key) {
  g_slice_free(Key, key);
}
void free_persistent_key(gpointer data) {
  auto* key = static_cast<Key*>(data);
  free_address(&key->source);
  free_address(&key->destination);
  g_slice_free(Key, key);
}

// The message without framing, in packet memory; null when it could not be made.
tvbuff_t* whole_message(const epan::Canvas& canvas, const ForwardingHeader& header, tvbuff_t* body) {
  guint size = 0;
  guint8* bytes = nullptr;
  const auto length = tvb_captured_length(body);
  const guint8* start = tvb_get_ptr(body, 0, static_cast<gint>(length));
  try {
    const std::string whole = unfragmented(header, {reinterpret_cast<const char*>(start), length});
    size = static_cast<guint>(whole.size());
    bytes = static_cast<guint8*>(wmem_memdup(canvas.pinfo->pool, whole.data(), whole.size()));
  } catch (...) {
    return nullptr;
  }
  if (size == 0) return nullptr;
  tvbuff_t* tvb = tvb_new_child_real_data(body, bytes, size, static_cast<gint>(size));
  add_new_data_source(canvas.pinfo, tvb, "Reassembled RELOAD message");
  return tvb;
}

}  // namespace

void add_fragment_fields(epan::Catalogue& catalogue) {
  catalogue.add(hf_fragments, "fragments", "Fragments", FT_NONE, BASE_NONE, nullptr, "The parts of this message");
  catalogue.add(hf_fragment, "fragment", "Fragment", FT_FRAMENUM, BASE_NONE, nullptr, "A frame with a part of it");
  catalogue.add(hf_overlap, "fragment.overlap", "Overlap", FT_BOOLEAN, BASE_NONE, nullptr, "Parts share bytes");
  catalogue.add(hf_conflict, "fragment.overlap.conflict", "Conflicting overlap", FT_BOOLEAN, BASE_NONE, nullptr,
                "Shared bytes differ");
  catalogue.add(hf_multiple_tails, "fragment.multiple_tails", "Several last fragments", FT_BOOLEAN, BASE_NONE, nullptr,
                "More than one part says that it is the last one");
  catalogue.add(hf_too_long, "fragment.too_long", "Fragment too long", FT_BOOLEAN, BASE_NONE, nullptr,
                "A part goes beyond the message's end");
  catalogue.add(hf_error, "fragment.error", "Reassembly error", FT_FRAMENUM, BASE_NONE, nullptr,
                "A frame whose part does not fit");
  catalogue.add(hf_count, "fragment.count", "Fragment count", FT_UINT32, BASE_DEC, nullptr, "Number of parts");
  catalogue.add(hf_reassembled_in, "reassembled_in", "Reassembled in", FT_FRAMENUM, BASE_NONE, nullptr,
                "The whole message is shown with this frame");
  catalogue.add(hf_length, "reassembled.length", "Reassembled length", FT_UINT32, BASE_DEC, nullptr,
                "Bytes of all parts");
  catalogue.add(hf_data, "reassembled.data", "Reassembled data", FT_BYTES, BASE_NONE, nullptr, "Bytes of all parts");
  catalogue.add_subtree(ett_fragment);
  catalogue.add_subtree(ett_fragments);
}

void add_fragment_preferences(module_t* module) {
  prefs_register_bool_preference(module, "reassemble", "Reassemble fragmented messages",
                                 "Shows a message that was sent in fragments with the frame that completes it",
                                 &reassemble);
}

void register_reassembly() {
  static const reassembly_table_functions kFunctions = {hash_key,       equal_keys,         temporary_key,
                                                        persistent_key, free_temporary_key, free_persistent_key};
  reassembly_table_register(&table, &kFunctions);
}

void show_fragment(const epan::Canvas& canvas, const Message& message, const epan::Record* record) {
  const Packet* packet = packet_of(message);
  if (!reassemble || packet == nullptr || packet->is_ack() || !packet->forwarding.is_fragment()) return;
  const Event* body = message.first(kFragmentBody);
  if (body == nullptr || body->length == 0 || !message.whole()) return;
  const ForwardingHeader& header = packet->forwarding;
  const MessageId id{header.transaction_id, header.overlay};
  const gboolean first_pass = !PINFO_FD_VISITED(canvas.pinfo);
  fragment_head* head = fragment_add_check(&table, canvas.tvb, static_cast<int>(body->offset), canvas.pinfo,
                                           static_cast<guint32>(id.transaction), &id, header.fragment_offset(),
                                           body->length, !header.is_last_fragment());
  // Several fragments may share a frame; the whole message is shown with the one that completed it.
  Insight* insight = insight_of(record);
  if (first_pass && head != nullptr && insight != nullptr) insight->completes = true;
  if (!first_pass && insight != nullptr && !insight->completes && head != nullptr &&
      head->reassembled_in == canvas.pinfo->num)
    return;
  tvbuff_t* content = process_reassembled_data(canvas.tvb, static_cast<int>(body->offset), canvas.pinfo,
                                               "Reassembled RELOAD fragments", head, &kItems, nullptr, canvas.tree);
  if (content == nullptr) return;
  tvbuff_t* whole = whole_message(canvas, header, content);
  if (whole == nullptr) return;
  dissector().dissect(whole, canvas.pinfo, canvas.tree != nullptr ? proto_tree_get_root(canvas.tree) : nullptr,
                      nullptr);
}

}  // namespace peerscope::reload
