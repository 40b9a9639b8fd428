// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/client_defects.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace peerscope::alto {
namespace {

constexpr ClientDefectRow kRows[] = {
    {"posts-to-get-resource", "A-HTTP-04", "asks for a GET resource by POST"},
    {"input-in-query", "A-HTTP-02", "puts input into the query string of a GET"},
    {"content-type-json", "A-HTTP-03", "sends input as application/json"},
    {"uris-against-root", "A-IRD-08", "takes relative URIs from the server's root"},
    {"ignores-linked-directories", "A-IRD-19", "does not read directories that a directory links"},
    {"follows-directory-loops", "A-IRD-20", "reads linked directories again that it knows"},
    {"needs-capabilities", "A-IRD-09", "ignores entries without capabilities"},
    {"prefers-post", "A-IRD-32", "filters where a whole map would do"},
    {"no-redirects", "A-HTTP-09", "takes a redirection for a failure"},
    {"follows-redirect-loops", "A-HTTP-16", "does not notice that it is sent in a circle"},
    {"exact-media-type", "A-HTTP-21", "refuses media types with parameters or capitals"},
    {"type-from-directory", "A-HTTP-07", "takes every answer for what the directory promises"},
    {"refuses-unknown-members", "A-HTTP-13", "gives up on members that it does not know"},
    {"refuses-unknown-address-types", "A-NM-09", "gives up on a map with an address type that it does not know"},
    {"refuses-empty-pids", "A-NM-10", "gives up on a map with a PID without addresses that it knows"},
    {"keeps-old-map", "A-FCM-17", "combines costs with another version of the network map"},
    {"returns-cookies", "A-HTTP-19", "returns cookies"},
    {"no-digest", "A-HTTP-12", "does not answer an HTTP Digest challenge"},
    {"shortest-prefix", "A-NM-11", "takes the PID of the shortest prefix that covers an address"},
    {"filter-without-pids", "A-FNM-02", "asks for a filtered network map without pids"},
    {"filter-sources-only", "A-FCM-15", "asks for filtered costs with srcs and no dsts"},
    {"unoffered-cost-type", "A-FCM-03", "asks a filtered cost map for a cost type that it does not offer"},
    {"sends-description", "A-FCM-04", "copies a cost type's description into requests"},
    {"unoffered-constraints", "A-FCM-06", "sends constraints where they are not offered"},
    {"both-cost-types", "A-MC-04", "sends cost-type beside multi-cost-types"},
    {"no-endpoints", "A-EPS-02", "asks for properties of no endpoint"},
    {"unoffered-property", "A-EPS-03", "asks for a property that is not offered"},
    {"empty-endpoint-lists", "A-ECS-05", "asks for endpoint costs with both lists empty"},
    {"ecs-unoffered-cost-type", "A-ECS-03", "asks for endpoint costs of a type that is not offered"},
    {"empty-add", "A-SSE-16", "opens an update stream without resources"},
    {"follows-foreign-resource", "A-SSE-15", "asks an update stream for a resource that it does not have"},
    {"tag-for-cost-map", "A-SSE-18", "sends a tag for a resource without version tag"},
    {"comments-end-stream", "A-SSE-30", "takes a comment in an update stream for its end"},
    {"control-uri-against-root", "A-SSE-33", "takes the control URI from the server's root"},
    {"reuses-substream-id", "A-SSE-38", "uses a substream ID twice in one stream"},
    {"adds-and-removes", "A-SSE-43", "adds and removes a substream in one request"},
};
static_assert(std::size(kRows) == static_cast<std::size_t>(ClientDefect::kCount));

}  // namespace

std::span<const ClientDefectRow> client_defects() {
  return kRows;
}

net::Result<ClientDefects> parse_client_defects(const std::vector<std::string>& names) {
  ClientDefects out;
  for (const std::string& name : names) {
    const auto found =
        std::find_if(std::begin(kRows), std::end(kRows), [&](const auto& row) { return name == row.name; });
    if (found == std::end(kRows))
      return net::Error{net::ErrorKind::kLocal, fmt::format("no defect '{}'; --defect list shows all", name)};
    out.add(static_cast<ClientDefect>(found - std::begin(kRows)));
  }
  return out;
}

}  // namespace peerscope::alto
