// SPDX-License-Identifier: GPL-2.0-or-later
// Bodies of server-sent events while they are still being sent. Wireshark's HTTP dissector hands a body on at its end,
// which an event stream may never have. So when a request asks for one, the connection's server side is read here from
// then on: over HTTP/1.1 by a dissector of the conversation (in TLS: of the session) that gives HTTP every byte but the
// body's, over HTTP/2 by its table of streaming media types. What became complete with a frame is shown on that frame
// as one part of the body (BodyPart). Decided on the first pass and kept, so that later ones may come in any order.
//
// Limits: nothing is followed whose request is not in the capture. Over TCP a lost segment ends what is known of a
// body, until a segment begins with an event of its own.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "dissectors/epan/dissector.h"
#include "dissectors/epan/live_body.h"

namespace peerscope::epan {

class LiveStreams {
 public:
  // `ours`: whether a body that begins so is the protocol's; asked over HTTP/2, where the request of a body is not
  // known. `request_type`, `media_type`: of what asks for a body, and of the body.
  LiveStreams(Dissector& dissector, const char* request_type, const char* media_type,
              bool (*ours)(std::string_view start))
      : dissector_(dissector), request_type_(request_type), media_type_(media_type), ours_(ours) {}

  // The calls of epan.
  struct Entries {
    dissector_t request, http, http2, http2_request, part;
  };
  // At hand-off.
  void enrol(const Entries& entries);
  void forget();

  // A request for a body, as HTTP hands it on.
  int dissect_request(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data);
  // A TCP segment or TLS record of a connection that such a request came on.
  int dissect_http(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data);
  // DATA of HTTP/2 as it comes: of a body, of a request.
  int dissect_http2(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree);
  int dissect_http2_request(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data);
  // A part of a body; `data` is a PartCall.
  int dissect_part(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data);

 private:
  struct PartCall {
    tvbuff_t* text;  // null: nothing became complete
    const BodyPart* part;
  };
  struct Body {
    Body(const LiveHead& head, std::uint32_t number_, std::uint32_t part)
        : reader(head), number(number_), parts(part) {}
    LiveBody reader;
    std::uint32_t number;
    std::uint32_t parts;  // that were shown, or are missing
    bool foreign = false;
    bool known = false;  // whether it is foreign
  };
  // The server side of a connection.
  struct Connection {
    address server;
    std::uint32_t port = 0;
    std::unique_ptr<Body> body;        // null: HTTP's
    Framing framing = Framing::kBare;  // of the last body
    bool lost = false;                 // a segment is missing in the body
    std::uint32_t next = 0;            // TCP sequence number of the next byte
  };
  // What one call of a dissector did.
  struct Step {
    std::size_t size = 0;  // with `hash`: whose step this is
    std::size_t hash = 0;
    std::size_t begin = 0;  // of the body's bytes
    bool head = false;      // those before are HTTP's; else they were seen already
    std::size_t end = 0;    // those behind are HTTP's
    std::string text;       // of the part, where it does not stand in the bytes
    std::size_t place = 0;
    std::size_t length = 0;
    bool own_text = false;
    bool foreign = false;
    BodyPart part;
  };
  using StreamKey = std::pair<std::uint32_t, std::uint32_t>;  // conversation, number of the HTTP/2 stream

  void watch(packet_info* pinfo);
  Connection* connection_from_server(packet_info* pinfo);
  int hand_over(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data);
  Step* new_step(packet_info* pinfo, std::string_view bytes) noexcept;
  const Step* recall(packet_info* pinfo, std::string_view bytes);
  const Step* follow(packet_info* pinfo, Connection& connection, std::string_view bytes, const tcpinfo* tcp) noexcept;
  const Step* follow_http2(packet_info* pinfo, const StreamKey& key, std::string_view bytes) noexcept;
  const Step* collect_request(packet_info* pinfo, const StreamKey& key, std::string_view bytes, bool ends) noexcept;
  bool begin_body(Connection& connection, std::string_view bytes, std::size_t& begin);
  void take_portion(Step& step, Body& body, std::string_view bytes);
  void show(const Step& step, tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree);
  void show_request(const Step& step, tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data);

  Dissector& dissector_;
  const char* request_type_;
  const char* media_type_;
  bool (*ours_)(std::string_view start);
  dissector_handle_t request_entry_ = nullptr;
  dissector_handle_t part_entry_ = nullptr;
  dissector_handle_t http_entry_ = nullptr;
  dissector_handle_t http2_entry_ = nullptr;
  dissector_handle_t http2_request_entry_ = nullptr;
  std::string http_name_;             // epan keeps the pointer
  dissector_table_t http_ = nullptr;  // HTTP by what carries it
  dissector_handle_t tls_ = nullptr;
  int proto_tls_ = -1;
  int hf_data_ = -1;           // http2.data.data
  bool stock_stream_ = false;  // somebody else decodes these bodies over HTTP/2
  bool streaming_ = false;
  std::uint32_t bodies_ = 0;
  std::unordered_map<std::uint32_t, Connection> connections_;  // by conversation
  std::map<StreamKey, std::unique_ptr<Body>> http2_bodies_;
  std::map<StreamKey, std::string> http2_requests_;
  std::unordered_map<std::uint32_t, std::deque<Step>> steps_;  // by frame
};

// Callbacks of epan carry no argument that tells whose they are.
template <LiveStreams& (*streams)()>
struct LiveCallbacks {
  static int request(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
    return streams().dissect_request(tvb, pinfo, tree, data);
  }
  static int http(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
    return streams().dissect_http(tvb, pinfo, tree, data);
  }
  static int http2(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void*) {
    return streams().dissect_http2(tvb, pinfo, tree);
  }
  static int http2_request(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
    return streams().dissect_http2_request(tvb, pinfo, tree, data);
  }
  static int part(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
    return streams().dissect_part(tvb, pinfo, tree, data);
  }
  static constexpr LiveStreams::Entries kEntries{request, http, http2, http2_request, part};
};

}  // namespace peerscope::epan
