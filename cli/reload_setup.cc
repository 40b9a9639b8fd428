// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/reload_setup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "reference-impl/net/http_client.h"
#include "reference-impl/net/url.h"
#include "reference-impl/reload/topology.h"

namespace peerscope::cli {
namespace {

using net::ErrorKind;

net::Result<net::HttpResponse> exchange(const ReloadSettings& settings, const net::Url& url, net::HttpRequest request) {
  if (!url.tls()) return {ErrorKind::kLocal, url.to_string() + ": only https is allowed (RFC 6940 section 11.2)"};
  net::ClientOptions options = net::ClientOptions::for_url(url);
  if (!settings.https_ca.empty()) options.tls->ca_file = settings.https_ca;
  if (settings.defects.has(reload::NodeDefect::kAnyHttpsHost))
    options.tls->verify = net::TlsClientOptions::Verify::kNone;
  net::BlockingClient client(std::move(options));
  request.target = url.target;
  auto response = client.send(std::move(request));
  if (!response.ok()) return net::Error(response.error().kind, url.to_string() + ": " + response.error().message);
  return response;
}

net::Result<reload::Identity> read_identity(const std::string& path, const reload::Overlay& overlay) {
  auto pem = read_whole_file(path);
  if (!pem.ok()) return pem.error();
  auto key = reload::PrivateKey::from_pem(*pem);
  if (!key.ok()) return {ErrorKind::kLocal, path + ": " + key.message()};
  auto ders = reload::certificates_from_pem(*pem);
  if (!ders.ok()) return {ErrorKind::kLocal, path + ": " + ders.message()};
  auto certificate = reload::Certificate::parse(ders->front(), overlay.node_id_length());
  if (!certificate.ok()) return {ErrorKind::kLocal, path + ": " + certificate.message()};
  if ((*certificate)->spki() != key->spki()) return {ErrorKind::kLocal, path + ": key and certificate do not fit"};
  const auto nodes = (*certificate)->node_ids();
  if (nodes.empty()) return {ErrorKind::kLocal, path + ": the certificate names no node"};
  return reload::Identity{*key, *certificate, {ders->begin() + 1, ders->end()}, reload::NodeId(nodes.front())};
}

net::Result<void> write_identity(const std::string& path, const reload::Identity& identity) {
  const std::string pem = identity.key.to_pem() + reload::certificate_to_pem(identity.certificate->der());
  // A private key: for its owner only, from the first moment.
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written = file >= 0 && ::write(file, pem.data(), pem.size()) == static_cast<ssize_t>(pem.size());
  if (file >= 0) ::close(file);
  if (!written) return {ErrorKind::kLocal, "cannot write " + path};
  return {};
}

}  // namespace

std::int64_t seconds_now() {
  return static_cast<std::int64_t>(std::time(nullptr));
}

void add_reload_options(CLI::App& app, ReloadSettings& s) {
  app.add_option("--config", s.config, "configuration document: an https URL or a file");
  app.add_option("--https-ca", s.https_ca, "PEM certificate to check the HTTPS servers by; default: the system's")
      ->check(CLI::ExistingFile);
  app.add_option("--overlay", s.overlay, "name of the overlay; needed when the document has several");
  app.add_option("--user", s.user, "user name to enrol with (name@domain)");
  app.add_option("--password", s.password, "password for the enrollment server");
  app.add_option("--identity", s.identity, "PEM file with key and certificate; written when it is not there");
  app.add_flag("--self-signed", s.self_signed, "sign the own certificate, where the overlay permits it");
  app.add_option("--key-type", s.key_type, "of new keys: rsa (mandatory to implement) or p256")->capture_default_str();
  app.add_option("--bootstrap", s.bootstrap, "HOST:PORT instead of the document's bootstrap nodes (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--link", s.links, "overlay links: tls, dtls or both")->capture_default_str();
  app.add_option("--mtu", s.mtu, "bytes of a datagram's content on DTLS links")
      ->check(CLI::Range(reload::kSmallestMtu, reload::kLargestMtu))
      ->capture_default_str();
  app.add_option("--trace", s.trace, "write all messages to this pcapng file");
  app.add_option("--key-log", s.key_log, "append TLS secrets to this file (NSS format)");
  app.add_option("--log-format", s.log_format, "text or json")->capture_default_str();
  app.add_option("--log-level", s.log_level, "debug, info, warning, error or off")->capture_default_str();
}

net::Result<void> set_up_log(const ReloadSettings& settings) {
  const auto level = net::parse_log_level(settings.log_level);
  const auto format = net::parse_log_format(settings.log_format);
  if (!level.ok()) return level.error();
  if (!format.ok()) return format.error();
  net::set_up_log(*level, *format);
  return {};
}

net::Result<reload::KeyType> key_type(const ReloadSettings& settings) {
  if (settings.key_type == "rsa") return reload::KeyType::kRsa2048;
  if (settings.key_type == "p256") return reload::KeyType::kP256;
  return {ErrorKind::kLocal, "--key-type: rsa or p256, not " + settings.key_type};
}

net::Result<reload::SocketTransportOptions> transport_options(const ReloadSettings& settings) {
  const auto types = reload::LinkTypes::parse(settings.links);
  if (!types.ok()) return {ErrorKind::kLocal, "--link: " + types.error().message};
  reload::SocketTransportOptions options;
  options.types = *types;
  options.dtls.session.mtu = settings.mtu;
  return options;
}

net::Result<std::string> read_whole_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return {ErrorKind::kLocal, "cannot read " + path};
  return text.str();
}

bool names_overlay(const ReloadSettings& settings) {
  return !settings.config.empty() || !settings.overlay.empty();
}

net::Result<reload::OverlayPtr> load_overlay(const ReloadSettings& settings) {
  std::string from = settings.config;
  if (!names_overlay(settings)) return {ErrorKind::kLocal, "--config or --overlay is needed"};
  if (from.empty()) from = fmt::format("https://{}{}", settings.overlay, reload::kConfigPath);
  std::string document;
  if (from.find("://") != std::string::npos) {
    const auto url = net::Url::parse(from);
    if (!url.ok()) return url.error();
    auto response = exchange(settings, *url, {});
    if (!response.ok()) return response.error();
    if (response->status != 200) return {ErrorKind::kRefused, fmt::format("{}: status {}", from, response->status)};
    document = std::move(response->body);
  } else {
    auto bytes = read_whole_file(from);
    if (!bytes.ok()) return bytes.error();
    document = *std::move(bytes);
  }
  auto overlay = reload::read_overlay(document, settings.overlay, seconds_now(), settings.defects);
  if (!overlay.ok()) return net::Error(overlay.error().kind, from + ": " + overlay.error().message);
  const auto& configuration = (*overlay)->configuration;
  if (!reload::topology_supported(configuration.topology_plugin))
    return {ErrorKind::kLocal, "the topology plug-in " + configuration.topology_plugin + " is not supported"};
  if (!configuration.no_ice) return {ErrorKind::kLocal, "the overlay wants ICE, which this node does not have"};
  return overlay;
}

net::Result<reload::Identity> load_identity(const ReloadSettings& settings, const reload::Overlay& overlay) {
  if (!settings.identity.empty() && std::filesystem::exists(settings.identity))
    return read_identity(settings.identity, overlay);
  if (settings.user.empty()) return {ErrorKind::kLocal, "--user or an existing --identity is needed"};
  const auto type = key_type(settings);
  if (!type.ok()) return type.error();
  auto key = reload::generate_key(*type);
  if (!key.ok()) return {ErrorKind::kLocal, key.message()};
  reload::SystemRandom random;
  net::Result<reload::Identity> identity;
  if (settings.self_signed) {
    identity = reload::self_signed_identity(overlay, settings.user, *key, seconds_now(), random, settings.defects);
  } else {
    if (overlay.configuration.enrollment_servers.empty())
      return {ErrorKind::kLocal, "the overlay has no enrollment server; give --identity or --self-signed"};
    const auto url = net::Url::parse(overlay.configuration.enrollment_servers.front());
    if (!url.ok()) return url.error();
    const reload::EnrollmentWish wish{settings.user, settings.password, 1, settings.defects};
    auto request = reload::enrollment_request(url->target, wish, *key, random);
    if (!request.ok()) return request.error();
    auto response = exchange(settings, *url, *std::move(request));
    if (!response.ok()) return response.error();
    identity = reload::read_enrollment(*response, *key, overlay, seconds_now(), settings.defects);
  }
  if (identity.ok() && !settings.identity.empty()) {
    if (const auto kept = write_identity(settings.identity, *identity); !kept.ok()) return kept.error();
  }
  return identity;
}

net::Result<std::vector<net::Endpoint>> bootstrap_nodes(const ReloadSettings& settings,
                                                        const reload::Overlay& overlay) {
  std::vector<net::Endpoint> nodes;
  for (const std::string& text : settings.bootstrap) {
    auto endpoint = net::Endpoint::parse(text);
    if (!endpoint.ok()) return net::Error(ErrorKind::kLocal, "--bootstrap: " + endpoint.error().message);
    nodes.push_back(*endpoint);
  }
  if (!nodes.empty()) return nodes;
  for (const reload::BootstrapNode& node : overlay.configuration.bootstrap_nodes)
    nodes.emplace_back(node.address, node.port);
  return nodes;
}

net::Result<void> ReloadRecords::open(const ReloadSettings& settings) {
  if (!settings.trace.empty()) {
    auto trace = net::TraceWriter::open(settings.trace, "peerscope reload");
    if (!trace.ok()) return trace.error();
    trace_ = *std::move(trace);
  }
  if (!settings.key_log.empty()) {
    keys_ = std::make_shared<std::ofstream>(settings.key_log, std::ios::app);
    if (!*keys_) return {ErrorKind::kLocal, "cannot write " + settings.key_log};
  }
  return {};
}

net::KeyLogSink ReloadRecords::key_log() {
  if (!keys_) return {};
  return [keys = keys_](std::string_view line) { *keys << line << std::endl; };
}

void ReloadRecords::watch(reload::Node& node, const net::Endpoint& local, net::Clock& clock) {
  if (!trace_) return;
  node.set_observer(
      [trace = *trace_, local, &clock](bool outgoing, const reload::Link& link, std::string_view message) mutable {
        net::TracePdu pdu;
        pdu.dissector = "relo";
        pdu.protocol_text = "RELOAD";
        pdu.source = outgoing ? local : link.remote();
        pdu.destination = outgoing ? link.remote() : local;
        pdu.time = clock.wall_now();
        pdu.bytes = message;
        if (const auto written = trace.write(pdu); !written.ok()) net::log_warning("trace", written.error().message);
      });
}

}  // namespace peerscope::cli
