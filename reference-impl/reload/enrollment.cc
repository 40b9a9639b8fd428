// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/enrollment.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/reload/security/text.h"

namespace peerscope::reload {
namespace {

constexpr std::size_t kMostParts = 16;
constexpr std::string_view kPkixCert = "application/pkix-cert";
constexpr std::string_view kPkcs10 = "application/pkcs10";

// The value of a parameter: form-data; name="csr"
std::string parameter(std::string_view header, std::string_view name) {
  const std::string wanted = std::string(name) + "=";
  std::size_t at = 0;
  while ((at = header.find(wanted, at)) != std::string_view::npos) {
    const bool begins = at == 0 || header[at - 1] == ' ' || header[at - 1] == ';' || header[at - 1] == '\t';
    std::string_view value = header.substr(at + wanted.size());
    if (!begins) {
      at += wanted.size();
      continue;
    }
    if (value.starts_with('"')) return std::string(value.substr(1, value.find('"', 1) - 1));
    return std::string(text::trim(value.substr(0, value.find(';'))));
  }
  return {};
}

std::string field(const std::vector<FormPart>& parts, std::string_view name) {
  for (const FormPart& part : parts) {
    if (part.name == name) return part.body;
  }
  return {};
}

// What may stand as rfc822Name in a certificate: local part, one '@', domain (RFC 5280 section 4.2.1.6).
bool is_user_name(std::string_view name) {
  const auto plain = [](char c) { return c > ' ' && c < 127 && c != '"' && c != ',' && c != '\\'; };
  const bool one_at = std::count(name.begin(), name.end(), '@') == 1;
  return one_at && name.size() <= 254 && !name.starts_with('@') && !name.ends_with('@') &&
         std::all_of(name.begin(), name.end(), plain);
}

}  // namespace

net::Result<std::vector<FormPart>> read_form(std::string_view content_type, std::string_view body) {
  const auto malformed = [](std::string_view why) {
    return net::Result<std::vector<FormPart>>(net::ErrorKind::kMalformed, std::string(why));
  };
  if (!content_type.starts_with("multipart/form-data")) return malformed("not multipart/form-data");
  const std::string boundary = parameter(content_type, "boundary");
  if (boundary.empty() || boundary.size() > 70) return malformed("no boundary");
  const std::string line = "--" + boundary;
  std::vector<FormPart> parts;
  std::size_t at = body.find(line);
  while (at != std::string_view::npos) {
    std::string_view rest = body.substr(at + line.size());
    if (rest.starts_with("--")) return parts;
    if (!rest.starts_with("\r\n") || parts.size() == kMostParts) break;
    rest.remove_prefix(2);
    const std::size_t next = rest.find("\r\n" + line);
    const std::size_t blank = rest.find("\r\n\r\n");
    if (next == std::string_view::npos || blank == std::string_view::npos || blank > next) break;
    FormPart& part = parts.emplace_back();
    std::string_view headers = rest.substr(0, blank + 2);
    while (!headers.empty()) {
      const std::size_t end = headers.find("\r\n");
      const std::string_view header = headers.substr(0, end);
      headers.remove_prefix(end + 2);
      const std::size_t colon = header.find(':');
      if (colon == std::string_view::npos) return malformed("a part's header without colon");
      const std::string_view value = text::trim(header.substr(colon + 1));
      if (net::iequals(header.substr(0, colon), "Content-Disposition")) part.name = parameter(value, "name");
      if (net::iequals(header.substr(0, colon), "Content-Type")) part.type = value;
    }
    part.body = rest.substr(blank + 4, next - std::min(next, blank + 4));
    at = body.find(line, at + line.size());
  }
  return malformed("parts that do not end as they should");
}

std::string write_form(const std::vector<FormPart>& parts, const std::string& boundary, std::string& content_type) {
  content_type = "multipart/form-data; boundary=" + boundary;
  std::string body;
  for (const FormPart& part : parts) {
    body += fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"\r\n", boundary, part.name);
    if (!part.type.empty()) body += fmt::format("Content-Type: {}\r\n", part.type);
    body += "\r\n" + part.body + "\r\n";
  }
  return body + "--" + boundary + "--\r\n";
}

EnrollmentServer::EnrollmentServer(Authority authority, OverlayPtr overlay, RandomSource& random,
                                   EnrollmentOptions options)
    : authority_(std::move(authority)), overlay_(std::move(overlay)), random_(random), options_(std::move(options)) {}

net::HttpResponse EnrollmentServer::handle(const net::HttpRequest& request, std::int64_t now) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (path == kConfigPath) {
    if (request.method != "GET" && request.method != "HEAD") return {405, "", {{"Allow", "GET, HEAD"}}};
    return {200, "", {{"Content-Type", kConfigMediaType}}, overlay_->document};
  }
  if (path != kEnrollmentPath) return net::HttpResponse(404);
  if (request.method != "POST") return {405, "", {{"Allow", "POST"}}};
  return enroll(request, now);
}

net::HttpResponse EnrollmentServer::refusal(std::string_view word) const {
  if (options_.defects.has(NodeDefect::kRefusalInWords)) return {403, "", {{"Content-Type", "text/plain"}}, "Not you."};
  return {403, "", {{"Content-Type", "text/plain"}}, std::string(word)};
}

net::HttpResponse EnrollmentServer::enroll(const net::HttpRequest& request, std::int64_t now) {
  const auto parts = read_form(request.headers.get("Content-Type"), request.body);
  if (!parts.ok()) return {400, "", {{"Content-Type", "text/plain"}}, parts.error().message};
  const std::string user = field(*parts, "username");
  if (!options_.users.empty()) {
    const auto known = options_.users.find(user);
    if (known == options_.users.end() || known->second != field(*parts, "password"))
      return refusal("failed_authentication");
  }
  const std::string csr = field(*parts, "csr");
  const auto parsed = parse_csr(csr);
  if (!parsed.ok()) return refusal("bad_CSR");
  if (!is_user_name(user)) return refusal("username_not_available");
  std::size_t count = 1;
  if (const std::string wanted = field(*parts, "nodeids"); !wanted.empty()) {
    if (wanted.size() > 3 || wanted.find_first_not_of("0123456789") != std::string::npos)
      return refusal("Node-IDs_not_available");
    count = static_cast<std::size_t>(std::stoul(wanted));
  }
  if (count == 0 || count > options_.max_node_ids) return refusal("Node-IDs_not_available");
  // A name belongs to the key that had it first, unless a password decides.
  const auto owner = names_.find(user);
  const bool free = options_.defects.has(NodeDefect::kAnybodysName) || owner == names_.end() ||
                    owner->second == parsed->spki || !options_.users.empty();
  if (!free || (owner == names_.end() && names_.size() >= options_.max_users)) return refusal("username_not_available");
  auto node_ids = random_node_ids(random_, count, overlay_->node_id_length());
  if (!node_ids.ok()) return net::HttpResponse(503);
  IssueOptions issue;
  constexpr std::int64_t kClockSkew = 3600;
  issue.validity = {now - kClockSkew, now + options_.lifetime};
  issue.names.overlay = overlay_->name();
  issue.names.node_ids = *std::move(node_ids);
  issue.names.user_name = user;
  if (options_.defects.has(NodeDefect::kCertificateBareUri)) issue.names.uri_form = ReloadUriForm::kBareNodeId;
  if (options_.defects.has(NodeDefect::kCertificateTwoNames)) issue.names.more_user_names = {"x" + user};
  if (options_.defects.has(NodeDefect::kCertificateSubject)) issue.names.common_name = user;
  auto certificate = authority_.issue(csr, issue, random_);
  if (!certificate.ok()) return refusal("bad_CSR");
  names_[user] = parsed->spki;
  ++issued_;
  const bool octets = options_.defects.has(NodeDefect::kCertificateAsOctets);
  return {200, "", {{"Content-Type", octets ? "application/octet-stream" : kPkixCert}}, *std::move(certificate)};
}

net::Result<net::HttpRequest> enrollment_request(const std::string& target, const EnrollmentWish& wish,
                                                 const PrivateKey& key, RandomSource& random) {
  auto csr = make_csr(key, wish.user_name);
  if (!csr.ok()) return {net::ErrorKind::kLocal, "certificate request: " + csr.message()};
  std::array<char, 16> bytes{};
  if (!random.fill(bytes)) return {net::ErrorKind::kLocal, "no random numbers"};
  std::vector<FormPart> parts = {{"username", "", wish.user_name}};
  if (!wish.password.empty()) parts.push_back({"password", "", wish.password});
  if (wish.node_ids != 1) parts.push_back({"nodeids", "", std::to_string(wish.node_ids)});
  const bool as_text = wish.defects.has(NodeDefect::kCsrAsText);
  parts.push_back({"csr", as_text ? "text/plain" : std::string(kPkcs10), *csr});
  std::string type;
  std::string body = write_form(parts, "peerscope-" + text::to_hex({bytes.data(), bytes.size()}), type);
  net::HttpRequest request("POST", target);
  if (wish.defects.has(NodeDefect::kEnrollsWithoutForm)) {
    type = kPkcs10;
    body = *csr;
  }
  request.headers.add("Content-Type", type);
  if (!wish.defects.has(NodeDefect::kAcceptsNothing)) request.headers.add("Accept", kPkixCert);
  request.body = std::move(body);
  return request;
}

net::Result<Identity> read_enrollment(const net::HttpResponse& response, const PrivateKey& key, const Overlay& overlay,
                                      std::int64_t now, const NodeDefects& defects) {
  constexpr std::size_t kMostText = 200;
  if (response.status != 200) {
    return {net::ErrorKind::kRefused,
            fmt::format("the enrollment server answers {} {}", response.status, response.body.substr(0, kMostText))};
  }
  auto certificate = Certificate::parse(response.body, overlay.node_id_length());
  if (!certificate.ok()) return {net::ErrorKind::kMalformed, "certificate: " + certificate.message()};
  if ((*certificate)->spki() != key.spki()) return {net::ErrorKind::kMalformed, "the certificate is for another key"};
  const ChainVerdict chain = verify_chain(**certificate, {}, overlay.anchors, now);
  if (!chain && !defects.has(NodeDefect::kAnyIssuer)) return {net::ErrorKind::kTls, "certificate: " + chain.detail};
  const std::vector<std::string> nodes = (*certificate)->node_ids();
  if (nodes.empty()) return {net::ErrorKind::kMalformed, "the certificate names no node"};
  return Identity{key, *certificate, {}, NodeId(nodes.front())};
}

net::Result<Identity> self_signed_identity(const Overlay& overlay, const std::string& user_name, PrivateKey key,
                                           std::int64_t now, RandomSource& random, const NodeDefects& defects) {
  const auto& permitted = overlay.configuration.self_signed_permitted;
  if (!permitted || !permitted->permitted || !permitted->hash())
    return {net::ErrorKind::kRefused, "the overlay does not permit self-signed certificates"};
  SelfSignedOptions options;
  constexpr std::int64_t kClockSkew = 3600;
  constexpr std::int64_t kSelfSignedLifetime = 30 * 86400;
  options.validity = {now - kClockSkew, now + kSelfSignedLifetime};
  options.overlay = overlay.name();
  options.user_name = user_name;
  options.node_id_length = overlay.node_id_length();
  options.node_id_hash = defects.has(NodeDefect::kOneDigestOnly) ? tls_hash::kSha256 : *permitted->hash();
  auto der = make_self_signed_certificate(key, options, random);
  if (!der.ok()) return {net::ErrorKind::kLocal, der.message()};
  auto certificate = Certificate::parse(*der, overlay.node_id_length());
  if (!certificate.ok()) return {net::ErrorKind::kLocal, certificate.message()};
  auto node = only_node_id(**certificate);
  if (!node.ok()) return {net::ErrorKind::kLocal, node.message()};
  return Identity{std::move(key), *certificate, {}, *node};
}

}  // namespace peerscope::reload
