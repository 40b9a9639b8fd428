// SPDX-License-Identifier: GPL-2.0-or-later
// ALTO's message table: one row a media type; the last two carry others. Dispatch, value strings, docs and completeness
// tests come from it.
#pragma once

#include <array>
#include <tuple>
#include <type_traits>

#include "protocols/alto/cdni_filter.h"
#include "protocols/alto/cost_map.h"
#include "protocols/alto/cost_map_filter.h"
#include "protocols/alto/directory.h"
#include "protocols/alto/endpoint_cost_params.h"
#include "protocols/alto/endpoint_costs.h"
#include "protocols/alto/endpoint_properties.h"
#include "protocols/alto/endpoint_property_params.h"
#include "protocols/alto/error.h"
#include "protocols/alto/event_stream.h"
#include "protocols/alto/multipart.h"
#include "protocols/alto/network_map.h"
#include "protocols/alto/network_map_filter.h"
#include "protocols/alto/patch.h"
#include "protocols/alto/property_map.h"
#include "protocols/alto/property_map_params.h"
#include "protocols/alto/tips.h"
#include "protocols/alto/tips_params.h"
#include "protocols/alto/update_stream_control.h"
#include "protocols/alto/update_stream_params.h"
#include "protocols/base/message.h"

namespace peerscope::alto {

// A row and the struct that describes its body.
template <class T>
struct Row {
  using Body = T;
  MessageType type;
};

inline constexpr auto kRows = std::tuple{
    Row<Directory>{{"directory", "application/alto-directory+json", "9.2", Direction::kResponse}},
    Row<NetworkMap>{{"network-map", "application/alto-networkmap+json", "11.2.1", Direction::kResponse}},
    Row<NetworkMapFilter>{
        {"network-map-filter", "application/alto-networkmapfilter+json", "11.3.1", Direction::kRequest}},
    Row<CostMap>{{"cost-map", "application/alto-costmap+json", "11.2.3", Direction::kResponse}},
    Row<CostMapFilter>{{"cost-map-filter", "application/alto-costmapfilter+json", "11.3.2", Direction::kRequest}},
    Row<EndpointProperties>{
        {"endpoint-properties", "application/alto-endpointprop+json", "11.4.1.6", Direction::kResponse}},
    Row<EndpointPropertyParams>{
        {"endpoint-property-params", "application/alto-endpointpropparams+json", "11.4.1.3", Direction::kRequest}},
    Row<EndpointCosts>{{"endpoint-costs", "application/alto-endpointcost+json", "11.5.1.6", Direction::kResponse}},
    Row<EndpointCostParams>{
        {"endpoint-cost-params", "application/alto-endpointcostparams+json", "11.5.1.3", Direction::kRequest}},
    Row<Error>{{"error", "application/alto-error+json", "8.5", Direction::kResponse}},
    Row<UpdateStreamParams>{
        {"update-stream-params", "application/alto-updatestreamparams+json", "RFC 8895, 6.5", Direction::kRequest}},
    Row<UpdateStreamControl>{
        {"update-stream-control", "application/alto-updatestreamcontrol+json", "RFC 8895, 5.3", Direction::kResponse}},
    Row<PropertyMap>{{"property-map", "application/alto-propmap+json", "RFC 9240, 7.6", Direction::kResponse}},
    Row<PropertyMapParams>{
        {"property-map-params", "application/alto-propmapparams+json", "RFC 9240, 8.3", Direction::kRequest}},
    Row<Cdni>{{"cdni", "application/alto-cdni+json", "RFC 9241, 3.6", Direction::kResponse}},
    Row<CdniFilter>{{"cdni-filter", "application/alto-cdnifilter+json", "RFC 9241, 5.3", Direction::kRequest}},
    Row<Tips>{{"tips", "application/alto-tips+json", "RFC 9569, 6.2", Direction::kResponse}},
    Row<TipsParams>{{"tips-params", "application/alto-tipsparams+json", "RFC 9569, 6.1", Direction::kRequest}},
    Row<MergePatch>{{"merge-patch", "application/merge-patch+json", "RFC 8895, 5.2", Direction::kResponse}},
    Row<JsonPatch>{{"json-patch", "application/json-patch+json", "RFC 8895, 5.2", Direction::kResponse}},
};
inline constexpr std::size_t kBodyCount = std::tuple_size_v<decltype(kRows)>;
inline constexpr std::size_t kMessageCount = kBodyCount + 2;
inline constexpr std::array<MessageType, kMessageCount> kMessages = std::apply(
    [](const auto&... row) {
      return std::array<MessageType, kMessageCount>{row.type..., kEventStreamMessage, kMultipartMessage};
    },
    kRows);

// The row of a body, and the body of a message when it is of that kind.
template <class T, std::size_t I = 0>
constexpr const MessageType& message_type() {
  if constexpr (std::is_same_v<T, EventStream>)
    return kMessages[kBodyCount];
  else if constexpr (std::is_same_v<T, Multipart>)
    return kMessages[kBodyCount + 1];
  else if constexpr (std::is_same_v<T, typename std::tuple_element_t<I, decltype(kRows)>::Body>)
    return kMessages[I];
  else
    return message_type<T, I + 1>();
}
template <class T>
const T* body_of(const Message& message) {
  return message.body != nullptr && message.type == &message_type<T>() ? &message.as<T>() : nullptr;
}
template <class T>
const T* body_of(const Message* message) {
  return message != nullptr ? body_of<T>(*message) : nullptr;
}

// By media type without parameters, in lower case; null when it is none of ALTO's.
const MessageType* message_by_media_type(std::string_view media_type);

}  // namespace peerscope::alto
