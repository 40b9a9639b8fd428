// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/alto/protocol.h"

#include <fmt/format.h>

#include "protocols/base/registrar.h"

namespace peerscope::alto {
namespace {

constexpr const char* kClientRole = "alto-client";
constexpr Role kRoles[] = {{"alto-server", Party::kServer}, {kClientRole, Party::kClient}};
constexpr Feature kFeatures[] = {
    {.name = "alto.v1", .about = "RFC 7285: directory, network map, cost map", .baseline = true},
    {.name = "alto.tls", .about = "https; the URL or scheme must be https then", .secure = true},
    {.name = "alto.filter", .about = "filtered network and cost maps"},
    {.name = "alto.constraints", .about = "constraints on filtered cost maps"},
    {.name = "alto.endpoint", .about = "endpoint property and endpoint cost services"},
    {.name = "alto.multi-cost", .about = "RFC 8189: several cost types in one answer"},
    {.name = "alto.updates", .about = "RFC 8895: update streams"},
    {.name = "alto.changing", .about = "its maps change by themselves", .role = "alto-server", .fact = "change_within"},
    {.name = "alto.calendar", .about = "RFC 8896: cost calendars"},
    {.name = "alto.properties", .about = "RFC 9240: property maps"},
    {.name = "alto.metrics", .about = "RFC 9439: performance metrics"},
    {.name = "alto.path-vector", .about = "RFC 9275: path vectors"},
    {.name = "alto.cdni", .about = "RFC 9241: CDNI advertisements"},
    {.name = "alto.tips", .about = "RFC 9569: TIPS views"},
    {.name = "alto.stream-limit",
     .about = "is started so that it takes one update stream at a time",
     .role = "alto-server"},
    {.name = "alto.view-limit", .about = "is started so that it opens one TIPS view at a time", .role = "alto-server"},
    {.name = "alto.stream-control", .about = "adds resources to an update stream that is open", .role = kClientRole},
    {.name = "alto.auth-digest", .about = "HTTP Digest: a client has been given credentials, a server asks for them"}};
constexpr LaunchVariable kLaunchVariables[] = {
    {"task", "get", nullptr, "get, rank or watch"},
    {"resource", "", nullptr, "get, watch: ID of a resource; empty: what it does without"},
    {"input", "", nullptr, "get: input of that resource, as JSON"},
    {"later", "", nullptr, "watch: ID of a resource to add once the stream is open"},
    {"by", "auto", nullptr, "rank: maps (locally) or ecs (by the endpoint cost service)"},
    {"source", "", nullptr, "rank: its own address"},
    {"destinations", "", nullptr, "rank: addresses, separated by commas"},
    {"metric", "routingcost", nullptr, "rank: cost metric"},
    {"stay", "0", nullptr, "watch: seconds to stay"}};

// Patches, streams and multipart bodies travel under generic media types, which belong to others too: what is around
// them says whether they are ALTO's.
constexpr std::size_t kOwnMediaTypes = kBodyCount - 2;
constexpr std::array<const char*, kOwnMediaTypes> media_types() {
  std::array<const char*, kOwnMediaTypes> out{};
  for (std::size_t i = 0; i < kOwnMediaTypes; ++i) out[i] = kMessages[i].media_type;
  return out;
}
constexpr std::array<const char*, kOwnMediaTypes> kMediaTypes = media_types();

// Calls body(T{}) for the row of this type; false when it is none.
template <class F>
bool with_body(const MessageType* type, F&& body) {
  return std::apply(
      [&]<class... T>(const Row<T>&...) { return ((type == &message_type<T>() && (body(T{}), true)) || ...); }, kRows);
}

EncodeResult encode_any(std::string_view name, const Tree& tree, const Overrides& overrides) {
  const MessageType* type = nullptr;
  std::string known;
  for (const MessageType& row : kMessages) {
    if (name == row.name) type = &row;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  EncodeResult result;
  if (type == nullptr) return {{}, fmt::format("no message '{}' in ALTO; known are {}", name, known)};
  with_body(type, [&](auto body) {
    TreeReader reader(tree);
    describe_root(reader, body);
    result.error = reader.error();
    if (!result.error.empty()) return;
    JsonWriter writer(result.bytes, &overrides);
    describe_root(writer, body);
    if (const auto unused = writer.unused(); !unused.empty())
      result = {{}, fmt::format("mutate: this message has no '{}'", unused.front())};
  });
  return result;
}

std::vector<FieldPlace> fields() {
  Registrar registrar;
  for (const MessageType& row : kMessages) {
    with_body(&row, [&](auto body) { describe_root(registrar, body); });
  }
  EventStreamFields stream;
  registrar.object_root(kRoot, stream);
  MultipartFields multipart;
  registrar.object_root(kRoot, multipart);
  return registrar.take();
}

// HTTP pairs requests and answers; the messages hold nothing that would.
std::string_view exchange_id(const Message&) {
  return {};
}

std::string plural(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}
std::string tag_of(const std::optional<VersionTag>& vtag) {
  return vtag ? fmt::format(" {} {}", vtag->resource_id.value_or("-"), vtag->tag.value_or("-")) : "";
}
std::string cost_type_of(const std::optional<CostType>& type) {
  return type && type->cost_metric ? fmt::format(" {} {}", type->cost_mode.value_or("-"), *type->cost_metric) : "";
}
template <class T>
std::string costs_of(const T& m) {
  std::size_t pairs = 0;
  if (m.costs) {
    for (const auto& [source, row] : m.costs->rows.entries) pairs += row.costs.size();
  }
  const std::string types = !m.meta ? ""
                            : m.meta->multi_cost_types.empty()
                                ? cost_type_of(m.meta->cost_type)
                                : fmt::format(" {} cost types", m.meta->multi_cost_types.size());
  return fmt::format("{}, {}", types, plural(pairs, "cost", "costs"));
}

std::string details(const Directory& m) {
  return ", " + plural(m.resources ? m.resources->entries.size() : 0, "resource", "resources");
}
std::string details(const NetworkMap& m) {
  return fmt::format("{}, {}", m.meta ? tag_of(m.meta->vtag) : "",
                     plural(m.pids ? m.pids->groups.size() : 0, "PID", "PIDs"));
}
std::string details(const NetworkMapFilter& m) {
  return ", " + (m.pids && !m.pids->empty() ? plural(m.pids->size(), "PID", "PIDs") : std::string("all PIDs"));
}
std::string details(const CostMap& m) {
  std::string out = costs_of(m);
  if (m.meta && !m.meta->dependent_vtags.empty()) {
    const DependentTag& tag = m.meta->dependent_vtags.front();
    out += fmt::format(", of {} {}", tag.resource_id.value_or("-"), tag.tag.value_or("-"));
  }
  return out;
}
std::string details(const CostMapFilter& m) {
  return cost_type_of(m.cost_type);
}
std::string details(const EndpointCosts& m) {
  return costs_of(m);
}
std::string details(const EndpointCostParams& m) {
  return cost_type_of(m.cost_type);
}
std::string details(const EndpointPropertyParams& m) {
  return ", " + plural(m.endpoints.size(), "endpoint", "endpoints");
}
std::string details(const EndpointProperties& m) {
  return ", " + plural(m.properties ? m.properties->endpoints.size() : 0, "endpoint", "endpoints");
}
std::string details(const PropertyMap& m) {
  return ", " + plural(m.properties ? m.properties->entities.size() : 0, "entity", "entities");
}
std::string details(const Error& m) {
  if (!m.meta) return "";
  std::string out = " " + m.meta->code.value_or("-");
  if (m.meta->field) out += " " + *m.meta->field;
  if (m.meta->value) out += fmt::format(" \"{}\"", clip_text(*m.meta->value, 40));
  return out;
}
std::string details(const JsonPatch& m) {
  return ", " + plural(m.operations.size(), "operation", "operations");
}
template <class T>
std::string details(const T&) {
  return "";
}

std::string summary(const Message& message, const Message*) {
  if (message.type == nullptr) return "ALTO, unknown media type " + message.transport.content_type;
  if (const auto* stream = body_of<EventStream>(message); stream != nullptr) {
    if (stream->events.empty() && stream->comments > 0) return fmt::format("{}, keep-alive", message.type->name);
    return fmt::format("{}, {}", message.type->name, plural(stream->events.size(), "event", "events"));
  }
  if (const auto* multipart = body_of<Multipart>(message); multipart != nullptr)
    return fmt::format("{}, {}", message.type->name, plural(multipart->parts.size(), "part", "parts"));
  std::string out = message.type->name;
  with_body(message.type, [&]<class T>(const T&) {
    if (const T* body = body_of<T>(message); body != nullptr) out += details(*body);
  });
  return out;
}

}  // namespace

namespace {

// Checks look up what a directory defines again and again.
void prepare(Directory& m) {
  if (m.resources) m.resources->entries.index();
  if (m.meta && m.meta->cost_types) m.meta->cost_types->types.index();
}
template <class T>
void prepare(T&) {}

}  // namespace

const MessageType* message_by_media_type(std::string_view media_type) {
  for (const MessageType& row : kMessages) {
    if (media_type == row.media_type) return &row;
  }
  return nullptr;
}

void decode(std::string_view bytes, Message& message) {
  message.bytes.assign(bytes);
  message.size = bytes.size();
  message.type = message_by_media_type(message.transport.content_type);
  // Nothing in a body says what it is: without a media type of ALTO it is none of ours.
  if (message.type == nullptr) return;
  if (message.type == &message_type<EventStream>() || message.type == &message_type<Multipart>()) {
    message.direction = Direction::kResponse;
    return message.type == &message_type<EventStream>() ? decode_event_stream(message, decode)
                                                        : decode_multipart(message, decode);
  }
  thread_local JsonIndex index;
  JsonReader reader(message, index, {.whole_decimals = true});
  // What carries a message may not tell its direction; its media type does.
  message.direction = message.type->direction;
  with_body(message.type, [&]<class T>(const T&) {
    auto body = std::make_shared<T>();
    describe_root(reader, *body);
    prepare(*body);
    message.body = std::move(body);
  });
}

const Protocol& protocol() {
  static const Protocol kProtocol{.name = "alto",
                                  .title = "Application-Layer Traffic Optimization",
                                  .document = "RFC 7285",
                                  .media_types = kMediaTypes,
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
                                  .summary = summary};
  return kProtocol;
}

}  // namespace peerscope::alto
