// SPDX-License-Identifier: GPL-2.0-or-later
// Decoding, encoding and the plain functions that generic readers use.
#include "protocols/reload/protocol.h"

#include <fmt/format.h>

#include <array>

#include "protocols/base/registrar.h"
#include "protocols/base/tree_writer.h"

namespace peerscope::reload {

namespace {

constexpr Role kRoles[] = {{"node", Party::kServer}, {"joining-node", Party::kClient}};
constexpr LaunchVariable kLaunchVariables[] = {
    {"config", "''", nullptr, "file with the configuration document of the harness's overlay"},
    {"config_url", "''", nullptr, "where the harness serves that document over HTTPS, for reload.enrollment"},
    {"https_ca", "''", nullptr, "file with the certificate of that server"},
    {"overlay", "''", nullptr, "name of that overlay"},
    {"bootstrap", "''", nullptr, "HOST:PORT of its first node"}};
constexpr Feature kFeatures[] = {
    {.name = "reload.peer", .about = "routes and stores for others", .baseline = true},
    {.name = "reload.client", .about = "serves clients: nodes that neither route nor store"},
    {.name = "reload.chord", .about = "CHORD-RELOAD is its topology plug-in"},
    {.name = "reload.self-tuning", .about = "the self-tuning of RFC 7363"},
    {.name = "reload.drr", .about = "direct response routing (RFC 7263)"},
    {.name = "reload.rpr", .about = "relay peer routing (RFC 7264)"},
    {.name = "reload.diagnostics", .about = "diagnostics (RFC 7851)"},
    {.name = "reload.redir", .about = "service discovery by ReDiR (RFC 7374)"},
    {.name = "reload.sip", .about = "the SIP usage (RFC 7904)"},
    {.name = "reload.share", .about = "shared resources (RFC 8076)"},
    {.name = "reload.dtls", .about = "links over DTLS"},
    {.name = "reload.self-signed", .about = "takes self-signed certificates"},
    {.name = "reload.enrollment", .about = "joining: fetches its document and its certificate over HTTPS"},
    {.name = "reload.enrollment-server", .about = "the document names an enrollment server that is part of it"},
    {.name = "reload.ppsp-tracker",
     .about = "is a connection tracker of the distributed PPSP tracker: overlay: tracker: says where",
     .fact = "track_timer"},
    {.name = "reload.ppsp-service-mode", .about = "that tracker asks responsible trackers by AppAttach and PPSTP"},
    {.name = "reload.test-kinds",
     .about =
         "the overlay has Kinds of any bytes: SINGLE, ARRAY with USER-MATCH, DICTIONARY with USER-NODE-MATCH, SINGLE "
         "with NODE-MATCH and NODE-MULTIPLE"}};

const MessageType* row_of(std::uint16_t code) {
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    if (kMethods[i].code == code) return &kMessages[i];
  }
  return nullptr;
}

const MessageType* row_of(std::string_view name) {
  for (const MessageType& row : kMessages) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

// At most eight bytes.
void add_hex(std::string& out, std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::array<char, 16> text;
  std::size_t size = 0;
  for (const char byte : bytes.substr(0, text.size() / 2)) {
    text[size++] = kDigits[static_cast<unsigned char>(byte) >> 4];
    text[size++] = kDigits[static_cast<unsigned char>(byte) & 0xf];
  }
  out.append(text.data(), size);
}

// Version 0.1 of the drafts: its header has the token at the same place.
bool is_draft(std::string_view bytes) {
  constexpr std::size_t kFrameSize = 8;
  if (!bytes.empty() && static_cast<std::uint8_t>(bytes[0]) == kDataFrame)
    bytes.remove_prefix(std::min(bytes.size(), kFrameSize));
  constexpr std::size_t kVersionAt = 10;
  return bytes.size() > kVersionAt && bytes.starts_with("\xd2\x45\x4c\x4f") &&
         static_cast<std::uint8_t>(bytes[kVersionAt]) == kDraftVersion;
}

bool is_packet(std::string_view bytes) {
  if (bytes.empty()) return false;
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  return first == kDataFrame || first == kAckFrame || first == kReloToken >> 24;
}

void begin(std::string_view bytes, Message& message) {
  message.bytes.assign(bytes);
  message.size = bytes.size();
  message.events.reserve(64);
}

void add_destination(std::string& out, const Destination& destination) {
  switch (destination.type) {
    case kNodeDestination:
      out += "node ";
      break;
    case kResourceDestination:
      out += "resource ";
      break;
    default:
      out += "opaque ";
  }
  // The first bytes tell the nodes of an overlay apart, and a line of a list has no room for more.
  constexpr std::size_t kShown = 4;
  add_hex(out, std::string_view(destination.id).substr(0, kShown));
  if (destination.id.size() > kShown) out += "..";
}

void add_detail(std::string& out, const Contents& contents) {
  static const Context kRegistries;
  if (const auto* error = std::get_if<ErrorResponse>(&contents.body); error != nullptr) {
    const std::string_view name = value_name(kErrorCode, error->code);
    out += name.empty() ? fmt::format(" {:#x}", error->code) : fmt::format(" {}", name);
  } else if (const auto* store = std::get_if<StoreReq>(&contents.body); store != nullptr) {
    for (const StoreKindData& data : store->kind_data)
      out += ' ', out += kRegistries.name_of(data.kind), out += " x",
          out += fmt::format_int(data.values.size()).c_str();
  } else if (const auto* update = std::get_if<UpdateReq>(&contents.body); update != nullptr) {
    out += fmt::format(" {}", value_name(kUpdateType, update->type));
  }
}

std::string summary(const Message& message, const Message*) {
  if (message.dialect != nullptr) return fmt::format("RELOAD, {}", message.dialect);
  const Packet* packet = packet_of(message);
  if (packet == nullptr) return "RELOAD, not decodable";
  if (packet->is_ack()) return fmt::format("frame ack {}", packet->frame.sequence);
  const ForwardingHeader& header = packet->forwarding;
  // By hand: the line is made for every message of a capture.
  std::string line;
  line.reserve(128);
  const auto add_number = [&](std::uint64_t number) { line += fmt::format_int(number).c_str(); };
  if (packet->framed) line += '[', add_number(packet->frame.sequence), line += "] ";
  if (header.is_fragment())
    line += "fragment at ", add_number(header.fragment_offset()), line += header.is_last_fragment() ? ", last" : "";
  else
    line += message.type != nullptr ? message.type->name : fmt::format("method {:#x}", packet->contents.code);
  add_detail(line, packet->contents);
  if (!header.destination_list.empty()) line += " to ", add_destination(line, header.destination_list.back());
  line += ", tid ";
  std::array<char, sizeof header.transaction_id> id;
  for (std::size_t i = 0; i < id.size(); ++i) id[i] = static_cast<char>(header.transaction_id >> (56 - 8 * i));
  add_hex(line, {id.data(), id.size()});
  line += ", ttl ";
  add_number(header.ttl);
  return line;
}

std::string_view exchange_id(const Message& message) {
  const Event* event = message.first(kTransactionId);
  return event != nullptr ? message.view().substr(event->offset, event->length) : std::string_view{};
}

// A transaction ID is the originator's own choice, so the overlay belongs to it.
std::string journey_id(const Message& message) {
  const Event* overlay = message.first(kOverlay);
  const Event* transaction = message.first(kTransactionId);
  if (overlay == nullptr || transaction == nullptr) return {};
  return std::string(message.view().substr(overlay->offset, overlay->length))
      .append(message.view().substr(transaction->offset, transaction->length));
}

// A frame that is sent again has a new sequence number (section 6.6.3.1).
std::string_view repeated_part(const Message& message) {
  const Event* frame = message.first(kFrame);
  return message.view().substr(frame == nullptr ? 0 : frame->offset + frame->length);
}

std::vector<FieldPlace> fields() {
  Registrar registrar;
  Packet packet;
  registrar.root(kReload, packet);
  return registrar.take();
}

EncodeResult encode_any(std::string_view type, const Tree& tree, const Overrides& overrides) {
  const MessageType* row = row_of(type);
  if (row == nullptr) return {{}, fmt::format("no message '{}' in RELOAD", type)};
  Packet packet;
  if (type == kAckName) {
    packet.framed = true;
    packet.frame.type = kAckFrame;
  } else if (type == kFragmentName) {
    packet.forwarding.fragment = kFragmentBit;
  } else {
    packet.contents.code = kMethods[static_cast<std::size_t>(row - kMessages.data())].code;
  }
  Walk walk;
  return encode_tree(kReload, tree, packet, overrides, &walk);
}

template <class F>
std::string written(const Context* context, F&& walk_it) {
  std::string out;
  Walk walk(context);
  BinaryWriter writer(out, nullptr, &walk);
  walk_it(writer);
  return writer.error().empty() ? out : std::string();
}

}  // namespace

void decode(std::string_view bytes, Message& message) {
  begin(bytes, message);
  if (is_draft(bytes)) {
    message.dialect = "RELOAD 0.1 of the drafts before RFC 6940";
    return;
  }
  if (!is_packet(bytes)) {
    message.issues.push_back({.shape = bytes.empty() ? Shape::kCutShort : Shape::kMalformed,
                              .length = static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), 1)),
                              .seen = "neither a frame nor the token of RELOAD"});
    return;
  }
  auto packet = std::make_shared<Packet>();
  Walk walk(static_cast<const Context*>(message.context));
  BinaryReader(message, &walk).root(kReload, *packet);
  if (packet->is_ack()) {
    message.type = row_of(kAckName);
  } else if (packet->forwarding.is_fragment()) {
    message.type = row_of(kFragmentName);
  } else {
    message.type = row_of(packet->contents.code);
    message.direction = direction_of(packet->contents.code);
  }
  message.body = std::move(packet);
}

void decode_contents(std::string_view bytes, Message& message) {
  begin(bytes, message);
  auto packet = std::make_shared<Packet>();
  Walk walk(static_cast<const Context*>(message.context));
  BinaryReader(message, &walk).root(kContents, packet->contents);
  message.type = row_of(packet->contents.code);
  message.direction = direction_of(packet->contents.code);
  message.body = std::move(packet);
}

std::string encode(Packet& packet, const Context* context) {
  return written(context, [&](BinaryWriter& writer) { writer.root(kReload, packet); });
}

std::string encode(ForwardingHeader& header, std::string_view contents, SecurityBlock& security) {
  return written(nullptr, [&](BinaryWriter& writer) {
    const Length length = describe_header(writer, header);
    writer.sized(length, [&] {
      writer.rest(kUnknownBody, contents);
      describe(writer, security);
    });
  });
}

std::string encode(Contents& contents, const Context* context) {
  return encode_part(contents, context);
}
std::string encode(SignerIdentity& identity) {
  return encode_part(identity);
}
std::string encode(StoredData& value, const Context* context) {
  return encode_part(value, context);
}
std::string encode_value(StoredData& value, const Context* context) {
  if (const DataModel known = registered_model(value.kind); known != DataModel::kUnknown) value.model = known;
  if (value.model == DataModel::kUnknown) value.model = default_model(value.kind);
  return written(context, [&](BinaryWriter& writer) { describe_value(writer, value); });
}

const Protocol& protocol() {
  static const Protocol kProtocol{.name = "relo",
                                  .title = "RELOAD",
                                  .document = "RFC 6940",
                                  .media_types = {},
                                  .messages = kMessages,
                                  .requirements = requirements(),
                                  .roles = kRoles,
                                  .features = kFeatures,
                                  .launch_variables = kLaunchVariables,
                                  .decode = decode,
                                  .encode = encode_any,
                                  .fields = fields,
                                  .make_session = make_session,
                                  .track = track,
                                  .exchange_id = exchange_id,
                                  .summary = summary,
                                  .shared_session = true,
                                  .journey_id = journey_id,
                                  .repeated_part = repeated_part};
  return kProtocol;
}

}  // namespace peerscope::reload
