// SPDX-License-Identifier: GPL-2.0-or-later
// Path vector answer: RFC 9275 section 7.2.6, a multipart/related body with a cost map and a property map, which become
// parts of this message. The boundary is taken from the body's first line: what carries a body may not tell its media
// type's parameters.
//
//   --example-1
//   Content-ID: <costmap@alto.example.com>
//   Content-Type: application/alto-costmap+json
//
//   {...}
//   --example-1--
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/alto/message_fields.h"
#include "protocols/base/message.h"

namespace peerscope::alto {

inline constexpr MessageType kMultipartMessage{"path-vector", "multipart/related", "RFC 9275, 7.2.6",
                                               Direction::kResponse};

inline constexpr Field kMultipartPart{.filter = "alto.part",
                                      .name = "part",
                                      .label = "Part",
                                      .type = Type::kGroup,
                                      .section = "RFC 9275, 6.6",
                                      .about = "One part of a path vector answer"};
inline constexpr Field kPartContentId{.filter = "alto.part.content_id",
                                      .name = "content-id",
                                      .label = "Content-ID",
                                      .section = "RFC 9275, 6.6",
                                      .about = "Name of the part, at a domain, in angle brackets"};
inline constexpr Field kPartContentType{.filter = "alto.part.content_type",
                                        .name = "content-type",
                                        .label = "Content-Type",
                                        .section = "RFC 9275, 7.2.6",
                                        .about = "Media type of the part"};

struct Part {
  std::optional<std::string> content_id;
  std::optional<std::string> content_type;  // without parameters, lower case
  std::uint32_t index = 0;                  // of its group among the message's events
  const Message* message = nullptr;
};
struct Multipart {
  std::vector<Part> parts;
  bool closed = false;  // the last boundary line ends with --
};

// What the registrar lists; the reader is decode_multipart.
struct MultipartFields {
  struct One {
    std::optional<std::string> content_id, content_type;
  };
  std::vector<One> parts;
};
template <class A>
void describe(A& a, MultipartFields::One& m) {
  a.required(kPartContentId, m.content_id);
  a.required(kPartContentType, m.content_type);
}
template <class A>
void describe(A& a, MultipartFields& m) {
  a.required(kMultipartPart, m.parts);
}

// Whether a multipart body is one of ALTO: what its first part says. Looks at a few bytes only.
bool is_path_vector(std::string_view start);

void decode_multipart(Message& message, void (*decode)(std::string_view bytes, Message& message));

}  // namespace peerscope::alto
