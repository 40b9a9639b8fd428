// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/overlay/office.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "harness/overlay/identity.h"
#include "protocols/base/protocol.h"
#include "protocols/reload/config/document.h"

namespace peerscope::harness {
namespace {

constexpr std::string_view kCertificateType = "application/pkix-cert";
constexpr std::string_view kRequestType = "application/pkcs10";
constexpr std::string_view kForm = "multipart/form-data";
constexpr std::int64_t kDay = 86400;

reload::Validity around(std::int64_t now) {
  return {now - kDay, now + kDay};
}

void report(OfficeEvent& event, std::string_view id, std::string detail) {
  const Requirement* rule = find_requirement(id);
  if (rule != nullptr) event.findings.push_back({rule, rule->severity, 0, 0, std::move(detail)});
}

std::string media_type(const net::Headers& headers, std::string_view name) {
  const std::string_view value = headers.get(name);
  return std::string(value.substr(0, value.find(';')));
}

// ---- forms (RFC 7578), as far as enrollment needs them

struct Part {
  std::string head;
  std::string body;

  bool is(std::string_view name) const { return head.find(fmt::format("name=\"{}\"", name)) != std::string::npos; }
  bool has_type(std::string_view type) const { return head.find(type) != std::string::npos; }
};

std::vector<Part> parts_of(std::string_view content_type, std::string_view body) {
  constexpr std::string_view kBoundary = "boundary=";
  constexpr std::size_t kMostParts = 32;
  std::vector<Part> parts;
  const std::size_t at = content_type.find(kBoundary);
  if (!content_type.starts_with(kForm) || at == std::string_view::npos) return parts;
  std::string boundary(content_type.substr(at + kBoundary.size()));
  boundary.erase(std::remove(boundary.begin(), boundary.end(), '"'), boundary.end());
  const std::string line = "--" + boundary.substr(0, boundary.find(';'));
  std::size_t begin = body.find(line);
  while (begin != std::string_view::npos && parts.size() < kMostParts) {
    begin += line.size();
    const std::size_t end = body.find("\r\n" + line, begin);
    const std::size_t blank = body.find("\r\n\r\n", begin);
    if (end == std::string_view::npos || blank == std::string_view::npos || blank > end) break;
    parts.push_back({std::string(body.substr(begin, blank - begin)),
                     std::string(body.substr(std::min(blank + 4, end), end - std::min(blank + 4, end)))});
    begin = end + 2;
  }
  return parts;
}

const Part* part_named(const std::vector<Part>& parts, std::string_view name) {
  const auto at = std::find_if(parts.begin(), parts.end(), [&](const Part& part) { return part.is(name); });
  return at == parts.end() ? nullptr : &*at;
}

std::string form(const std::string& boundary, const std::string& user, const std::string& csr) {
  return fmt::format(
      "--{0}\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\n{1}\r\n--{0}\r\nContent-Disposition: "
      "form-data; name=\"csr\"\r\nContent-Type: {2}\r\n\r\n{3}\r\n--{0}--\r\n",
      boundary, user, kRequestType, csr);
}

net::HttpResponse refusal(std::string_view word) {
  return {403, "", {{"Content-Type", "text/plain"}}, std::string(word)};
}

// One word, as section 11.3 lists them.
bool is_token(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
}

// What the server says to a request.
void judge(const net::HttpResponse& response, const reload::PrivateKey& key, OfficeEvent& event) {
  const std::string type = media_type(response.headers, "Content-Type");
  if (response.status == 200) {
    event.name = "issued";
    const auto certificate = reload::Certificate::parse(response.body);
    if (type != kCertificateType)
      report(event, "R-ENR-09", fmt::format("the answer is {}, expected {}", type, kCertificateType));
    else if (!certificate.ok())
      report(event, "R-ENR-09", "the answer is no certificate: " + certificate.message());
    else if ((*certificate)->spki() != key.spki())
      report(event, "R-ENR-09", "the certificate is for another key");
    if (!certificate.ok()) return;
    for (const reload::CertificateProblem& problem : (*certificate)->problems())
      report(event, problem.requirement, problem.text);
    return;
  }
  event.name = "refused";
  constexpr unsigned kForbidden = 403;
  if (response.status != kForbidden)
    report(event, "R-ENR-10", fmt::format("refused with status {}, expected 403", response.status));
  else if (type != "text/plain" || !is_token(response.body))
    report(event, "R-ENR-10",
           fmt::format("refused with '{}' of type {}, expected one word of text/plain", response.body.substr(0, 64),
                       type));
}

}  // namespace

std::optional<Office::Fault> Office::fault_named(std::string_view name) {
  if (name == "good") return Fault::kNone;
  if (name == "other-host") return Fault::kOtherHost;
  if (name == "other-overlay") return Fault::kOtherOverlay;
  if (name == "other-issuer") return Fault::kOtherIssuer;
  return std::nullopt;
}

std::string Office::open(Fault fault, const std::string& overlay_name, Random& random, net::KeyLogSink key_log) {
  fault_ = fault;
  overlay_name_ = overlay_name;
  random_ = &random;
  SeededRandom source(random);
  for (auto* authority : {&authority_, &stranger_}) {
    auto key = reload::generate_key(reload::KeyType::kP256);
    if (!key.ok()) return key.message();
    auto made = reload::Authority::create(*key, "Harness", around(std::time(nullptr)), source);
    if (!made.ok()) return made.message();
    authority->emplace(*std::move(made));
  }
  ServerParty::Options options;
  options.listen = {"127.0.0.1", 0};
  options.key_log = std::move(key_log);
  if (fault == Fault::kOtherHost) options.names = {"elsewhere.example.net"};
  auto server = std::make_unique<ServerParty>();
  if (const auto started = server->start(std::move(options)); !started.ok()) return started.error().message;
  server_ = std::move(server);
  return {};
}

std::string Office::url(std::string_view path) const {
  return fmt::format("https://127.0.0.1:{}{}", server_->port(), path);
}

std::optional<OfficeEvent> Office::next() {
  auto incoming = server_ != nullptr ? server_->next(0) : std::nullopt;
  if (!incoming) return std::nullopt;
  OfficeEvent event;
  server_->answer(*incoming, answer(incoming->http, event));
  return event;
}

net::HttpResponse Office::answer(const net::HttpRequest& request, OfficeEvent& event) {
  const std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  if (path == kConfigPath) {
    event.name = "configured";
    std::string document = document_;
    const std::size_t at = fault_ == Fault::kOtherOverlay ? document.find(overlay_name_) : std::string::npos;
    if (at != std::string::npos) document.replace(at, overlay_name_.size(), "elsewhere.example.net");
    return {200, "", {{"Content-Type", "application/p2p-overlay+xml"}}, std::move(document)};
  }
  if (path == kEnrollmentPath) return enroll(request, event);
  event.name = "failed";
  return net::HttpResponse(404);
}

net::HttpResponse Office::enroll(const net::HttpRequest& request, OfficeEvent& event) {
  event.name = "enrolled";
  const std::string_view type = request.headers.get("Content-Type");
  const std::vector<Part> parts = parts_of(type, request.body);
  if (request.method != "POST" || parts.empty())
    report(event, "R-ENR-01",
           fmt::format("{} of type '{}', expected a POST of {}", request.method,
                       media_type(request.headers, "Content-Type"), kForm));
  if (request.headers.get("Accept").find(kCertificateType) == std::string_view::npos)
    report(event, "R-ENR-03",
           fmt::format("Accept is '{}', expected {}", request.headers.get("Accept"), kCertificateType));
  const Part* csr = part_named(parts, "csr");
  if (csr == nullptr || !csr->has_type(kRequestType) || !reload::parse_csr(csr->body).ok()) {
    report(event, "R-ENR-02",
           csr == nullptr ? "no part with the name csr" : "csr is no request of type application/pkcs10");
    return refusal("bad_CSR");
  }
  const Part* user = part_named(parts, "username");
  SeededRandom source(*random_);
  constexpr std::size_t kNodeIdLength = 16;
  auto ids = reload::random_node_ids(source, 1, kNodeIdLength);
  if (!ids.ok()) return net::HttpResponse(503);
  reload::IssueOptions options;
  options.validity = around(std::time(nullptr));
  options.names.overlay = overlay_name_;
  options.names.node_ids = *std::move(ids);
  options.names.user_name = user == nullptr ? "nobody@example.org" : user->body;
  const reload::Authority& issuer = fault_ == Fault::kOtherIssuer ? *stranger_ : *authority_;
  auto certificate = issuer.issue(csr->body, options, source);
  if (!certificate.ok()) return refusal("bad_CSR");
  return {200, "", {{"Content-Type", std::string(kCertificateType)}}, *std::move(certificate)};
}

OfficeEvent enroll_at(const std::string& url, const Tree& wish, std::map<std::string, reload::PrivateKey>& keys,
                      double seconds) {
  const auto text_of = [&](std::string_view key) {
    const Tree* value = wish.find(key);
    return value == nullptr ? std::string() : value->scalar;
  };
  OfficeEvent event;
  event.name = "failed";
  const auto parsed = net::Url::parse(url);
  if (!parsed.ok()) return event.why = parsed.error().message, event;
  auto key = keys.find(text_of("key"));
  if (key == keys.end()) {
    auto made = reload::generate_key(reload::KeyType::kP256);
    if (!made.ok()) return event.why = made.message(), event;
    key = keys.emplace(text_of("key"), *std::move(made)).first;
  }
  auto csr = reload::make_csr(key->second, text_of("user"));
  if (!csr.ok()) return event.why = csr.message(), event;
  if (text_of("csr") == "bad") csr->back() = static_cast<char>(csr->back() ^ 1);
  net::ClientOptions options = net::ClientOptions::for_url(*parsed);
  // Whose HTTPS certificate it is, is not the point here.
  if (options.tls) options.tls->verify = net::TlsClientOptions::Verify::kNone;
  options.total_timeout = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  net::BlockingClient client(std::move(options));
  const std::string boundary = "peerscope-harness-enrollment";
  net::HttpRequest request("POST", parsed->target);
  request.headers.add("Content-Type", fmt::format("{}; boundary={}", kForm, boundary));
  request.headers.add("Accept", std::string(kCertificateType));
  request.body = form(boundary, text_of("user"), *csr);
  const auto response = client.send(std::move(request));
  if (!response.ok()) return event.why = response.error().message, event;
  judge(*response, key->second, event);
  return event;
}

}  // namespace peerscope::harness
