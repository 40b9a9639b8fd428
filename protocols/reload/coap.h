// SPDX-License-Identifier: GPL-2.0-or-later
// CoAP-REGISTRATION and CoAP-CACHING: RFC 7650 sections 5.1 and 6. The RFC's bare "opaque" has no length of its own;
// each is read as <0..2^16-1> here, which is a reading, not a rule. measurement_time (ms since 1970) does not fit its
// 32 bits: modulo.
//
//   CoAPRegistration: node_id | length (2) coap_uris
//   CoAPCaching:      type (1) | 1 proxy: node_id | length (4) { length (2) coap_uri | sensor_info | length (4) values
//   }
//                              | 2 sensor: node_id | sensor_info | length (4) values
//   sensor_info:      length (2) dev_info      value: measurement_time (4) | lifetime (4) | length (2) value
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/context.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kProxyCache = 1;
inline constexpr std::uint8_t kSensorCache = 2;
inline constexpr ValueName kCachingTypeNames[] = {{kProxyCache, "proxy_cache"}, {kSensorCache, "sensor_cache"}};
inline constexpr Field kCoapRegistration{.filter = "relo.coap_registration",
                                         .name = "coap_registration",
                                         .label = "CoAP registration",
                                         .type = Type::kGroup,
                                         .section = "RFC 7650, 5.1",
                                         .about = "Resources of a CoAP node"};
inline constexpr Field kCoapNodeId{.filter = "relo.coap_registration.node_id",
                                   .name = "node_id",
                                   .label = "Node-ID",
                                   .type = Type::kBytes,
                                   .section = "RFC 7650, 5.1",
                                   .about = "The node that proxies for the CoAP node",
                                   .replay = Replay::kPartyId};
inline constexpr Field kCoapUrisLength{.filter = "relo.coap_registration.coap_uris_length",
                                       .name = "coap_uris_length",
                                       .label = "URIs length",
                                       .type = Type::kUint16,
                                       .section = "RFC 7650, 5.1",
                                       .about = "Bytes of the URIs",
                                       .replay = Replay::kDerived};
inline constexpr Field kCoapUris{.filter = "relo.coap_registration.coap_uris",
                                 .name = "coap_uris",
                                 .label = "URIs",
                                 .section = "RFC 7650, 5.1",
                                 .about = "Resources in CoRE link format"};
inline constexpr Field kCoapCaching{.filter = "relo.coap_caching",
                                    .name = "coap_caching",
                                    .label = "CoAP caching",
                                    .type = Type::kGroup,
                                    .section = "RFC 7650, 6",
                                    .about = "Sensor values"};
inline constexpr Field kCachingType{.filter = "relo.coap_caching.type",
                                    .name = "coap_caching_type",
                                    .label = "Type",
                                    .type = Type::kUint8,
                                    .section = "RFC 7650, 6",
                                    .about = "Values of a proxy's sensors, or of one sensor",
                                    .names = kCachingTypeNames};
inline constexpr Field kCachingNodeId{.filter = "relo.coap_caching.node_id",
                                      .name = "node_id",
                                      .label = "Node-ID",
                                      .type = Type::kBytes,
                                      .section = "RFC 7650, 6",
                                      .about = "The node that stores",
                                      .replay = Replay::kPartyId};
inline constexpr Field kSensorsLength{.filter = "relo.coap_caching.sensors_length",
                                      .name = "sensors_length",
                                      .label = "Sensors length",
                                      .type = Type::kUint32,
                                      .section = "RFC 7650, 6",
                                      .about = "Bytes of the list",
                                      .replay = Replay::kDerived};
inline constexpr Field kSensorEntry{.filter = "relo.coap_caching.sensor",
                                    .name = "sensors",
                                    .label = "Sensor",
                                    .type = Type::kGroup,
                                    .section = "RFC 7650, 6",
                                    .about = "One sensor behind the proxy"};
inline constexpr Field kCoapUriLength{.filter = "relo.coap_caching.coap_uri_length",
                                      .name = "coap_uri_length",
                                      .label = "URI length",
                                      .type = Type::kUint16,
                                      .section = "RFC 7650, 6",
                                      .about = "Bytes of the URI",
                                      .replay = Replay::kDerived};
inline constexpr Field kCoapUri{.filter = "relo.coap_caching.coap_uri",
                                .name = "coap_uri",
                                .label = "URI",
                                .section = "RFC 7650, 6",
                                .about = "URI of the sensor"};
inline constexpr Field kDevInfoLength{.filter = "relo.coap_caching.dev_info_length",
                                      .name = "dev_info_length",
                                      .label = "Device information length",
                                      .type = Type::kUint16,
                                      .section = "RFC 7650, 6",
                                      .about = "Bytes of the information",
                                      .replay = Replay::kDerived};
inline constexpr Field kDevInfo{.filter = "relo.coap_caching.dev_info",
                                .name = "dev_info",
                                .label = "Device information",
                                .type = Type::kBytes,
                                .section = "RFC 7650, 6",
                                .about = "Says what the sensor is"};
inline constexpr Field kSensorValuesLength{.filter = "relo.coap_caching.values_length",
                                           .name = "length",
                                           .label = "Values length",
                                           .type = Type::kUint32,
                                           .section = "RFC 7650, 6",
                                           .about = "Bytes of the values",
                                           .replay = Replay::kDerived};
inline constexpr Field kSensorValue{.filter = "relo.coap_caching.sensor_value",
                                    .name = "sensor_value",
                                    .label = "Sensor value",
                                    .type = Type::kGroup,
                                    .section = "RFC 7650, 6",
                                    .about = "One measurement"};
inline constexpr Field kMeasurementTime{.filter = "relo.coap_caching.measurement_time",
                                        .name = "measurement_time",
                                        .label = "Measurement time",
                                        .type = Type::kUint32,
                                        .section = "RFC 7650, 6",
                                        .about = "ms since 1970, modulo 2^32",
                                        .replay = Replay::kTime};
inline constexpr Field kSensorLifetime{.filter = "relo.coap_caching.lifetime",
                                       .name = "lifetime",
                                       .label = "Lifetime",
                                       .type = Type::kUint32,
                                       .section = "RFC 7650, 6",
                                       .about = "Validity of the value in ms",
                                       .replay = Replay::kTime};
inline constexpr Field kSensorDataLength{.filter = "relo.coap_caching.value_length",
                                         .name = "value_length",
                                         .label = "Value length",
                                         .type = Type::kUint16,
                                         .section = "RFC 7650, 6",
                                         .about = "Bytes of the value",
                                         .replay = Replay::kDerived};
inline constexpr Field kSensorData{.filter = "relo.coap_caching.value",
                                   .name = "value",
                                   .label = "Value",
                                   .type = Type::kBytes,
                                   .section = "RFC 7650, 6",
                                   .about = "The measured value"};
inline constexpr Field kCachingData{.filter = "relo.coap_caching.data",
                                    .name = "data",
                                    .label = "Data",
                                    .type = Type::kBytes,
                                    .section = "RFC 7650, 6",
                                    .about = "Content of a type that is not known"};

struct CoapRegistration {
  static constexpr std::uint32_t kCode = kCoapRegistrationKind;
  static constexpr const Field* kGroup = &kCoapRegistration;
  NodeId node_id;
  std::string coap_uris;
};
template <class A>
void describe(A& a, CoapRegistration& m) {
  a.bytes(kCoapNodeId, m.node_id, node_id_length(a));
  a.prefixed(kCoapUrisLength, [&] { a.rest(kCoapUris, m.coap_uris); });
}

struct SensorValue {
  std::uint32_t measurement_time = 0;
  std::uint32_t lifetime = 0;
  std::string value;
};
template <class A>
void describe(A& a, SensorValue& m) {
  a.number(kMeasurementTime, m.measurement_time);
  a.number(kSensorLifetime, m.lifetime);
  a.prefixed(kSensorDataLength, [&] { a.rest(kSensorData, m.value); });
}

struct SensorEntry {
  std::string coap_uri;
  std::string dev_info;
  std::vector<SensorValue> values;
};
// What a sensor's own record has too.
template <class A>
void describe_sensor(A& a, SensorEntry& m) {
  a.prefixed(kDevInfoLength, [&] { a.rest(kDevInfo, m.dev_info); });
  a.prefixed(kSensorValuesLength, [&] { a.sequence(kSensorValue, m.values); });
}
template <class A>
void describe(A& a, SensorEntry& m) {
  a.prefixed(kCoapUriLength, [&] { a.rest(kCoapUri, m.coap_uri); });
  describe_sensor(a, m);
}

struct CoapCaching {
  static constexpr std::uint32_t kCode = kCoapCachingKind;
  static constexpr const Field* kGroup = &kCoapCaching;
  std::uint8_t type = kSensorCache;
  NodeId node_id;
  std::vector<SensorEntry> sensors;  // of a proxy
  SensorEntry sensor;                // of a sensor; its URI is the resource
  std::string data;                  // of a type that is not known
};
template <class A>
void describe(A& a, CoapCaching& m) {
  a.given(kSensorEntry, [&] { m.type = kProxyCache; });
  a.number(kCachingType, m.type);
  const bool known = m.type == kProxyCache || m.type == kSensorCache;
  a.when(known, [&] { a.bytes(kCachingNodeId, m.node_id, node_id_length(a)); });
  a.when(m.type == kProxyCache, [&] { a.prefixed(kSensorsLength, [&] { a.sequence(kSensorEntry, m.sensors); }); });
  a.when(m.type == kSensorCache, [&] { describe_sensor(a, m.sensor); });
  a.when(!known, [&] { a.rest(kCachingData, m.data); });
}

}  // namespace peerscope::reload
