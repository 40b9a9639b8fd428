// SPDX-License-Identifier: GPL-2.0-or-later
// Configuration documents as text (document.h).
#include <fmt/format.h>

#include <string>

#include "protocols/reload/config/document.h"
#include "protocols/reload/config/xml.h"
#include "protocols/reload/security/text.h"

namespace peerscope::reload {

namespace {

class Writer {
 public:
  // <name>text</name>
  void element(int depth, std::string_view name, std::string_view text, std::string_view attributes = {}) {
    out_ += fmt::format("{:{}}<{}{}>{}</{}>\n", "", depth * 2, name, attributes, xml_escape(text), name);
  }
  template <class T>
  void number(int depth, std::string_view name, T value) {
    element(depth, name, std::to_string(value));
  }
  void boolean(int depth, std::string_view name, bool value) { element(depth, name, value ? "true" : "false"); }
  void raw(int depth, std::string_view text) { out_ += fmt::format("{:{}}{}\n", "", depth * 2, text); }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

std::string attribute(std::string_view name, std::string_view value) {
  return fmt::format(" {}=\"{}\"", name, xml_escape(value));
}

void write_signatures(Writer& w, int depth, std::string_view name, const std::vector<ConfigSignature>& signatures) {
  for (const ConfigSignature& signature : signatures)
    w.element(depth, name, text::to_base64(signature.security_block),
              signature.algorithm.empty() ? std::string() : attribute("algorithm", signature.algorithm));
}

void add_kind_block(Writer& w, const KindBlock& block, const std::string& attributes) {
  w.raw(3, "<kind-block" + attributes + ">");
  w.raw(4, block.blob.empty() ? write_kind(block.kind) : block.blob);
  write_signatures(w, 4, "kind-signature", block.signatures);
  w.raw(3, "</kind-block>");
}

void strip_last_newline(std::string& text) {
  if (text.ends_with('\n')) text.pop_back();
}

}  // namespace

std::string write_kind(const KindParameters& kind) {
  Writer w;
  std::string head = "<kind";
  if (!kind.name.empty()) head += attribute("name", kind.name);
  if (kind.id) head += attribute("id", std::to_string(*kind.id));
  // Where the prefix is used it is declared, as the blob is signed and passed on by itself.
  if (kind.variable_resource_names) head += attribute("xmlns:share", kShareNs);
  w.raw(0, head + ">");
  w.element(5, "data-model", kind.data_model);
  w.element(5, "access-control", kind.access_control);
  w.number(5, "max-count", kind.max_count);
  w.number(5, "max-size", kind.max_size);
  if (kind.max_node_multiple) w.number(5, "max-node-multiple", *kind.max_node_multiple);
  if (kind.variable_resource_names) {
    w.raw(5, fmt::format("<share:variable-resource-names enable=\"{}\">", kind.variable_resource_names->enable));
    for (const std::string& pattern : kind.variable_resource_names->patterns) w.element(6, "share:pattern", pattern);
    w.raw(5, "</share:variable-resource-names>");
  }
  w.raw(4, "</kind>");
  std::string text = w.take();
  strip_last_newline(text);
  return text;
}

std::string write_kind_block(const KindBlock& block) {
  Writer w;
  add_kind_block(w, block, attribute("xmlns", kConfigBaseNs));
  return w.take();
}

std::string write_configuration(const OverlayConfiguration& c) {
  const OverlayConfiguration defaults;
  Writer w;
  std::string head = "<configuration" + attribute("xmlns", kConfigBaseNs);
  const bool chord = c.chord_update_interval != defaults.chord_update_interval ||
                     c.chord_ping_interval != defaults.chord_ping_interval || !c.chord_reactive;
  if (chord) head += attribute("xmlns:chord", kConfigChordNs);
  if (!c.route_mode.empty()) head += attribute("xmlns:route-mode", kRouteModeNs);
  if (c.number_of_peers_to_probe) head += attribute("xmlns:self-tuning", kSelfTuningNs);
  if (!c.diagnostics.empty()) head += attribute("xmlns:diagnostics", kDiagnosticsNs);
  const bool ppsp = c.ppsp_shards != defaults.ppsp_shards || c.ppsp_status_placement != defaults.ppsp_status_placement;
  if (ppsp) head += attribute("xmlns:ppsp-tracker", kPpspTrackerNs);
  head += attribute("instance-name", c.instance_name);
  if (c.sequence) head += attribute("sequence", std::to_string(*c.sequence));
  if (c.expiration) head += attribute("expiration", text::format_time(*c.expiration));
  w.raw(0, head + ">");
  w.element(2, "topology-plugin", c.topology_plugin);
  w.number(2, "node-id-length", c.node_id_length);
  for (const std::string& der : c.root_certs) w.element(2, "root-cert", text::to_base64(der));
  for (const std::string& url : c.enrollment_servers) w.element(2, "enrollment-server", url);
  if (c.self_signed_permitted)
    w.element(2, "self-signed-permitted", c.self_signed_permitted->permitted ? "true" : "false",
              attribute("digest", c.self_signed_permitted->digest));
  for (const BootstrapNode& node : c.bootstrap_nodes)
    w.raw(2,
          "<bootstrap-node" + attribute("address", node.address) + attribute("port", std::to_string(node.port)) + "/>");
  if (c.turn_density != defaults.turn_density) w.number(2, "turn-density", c.turn_density);
  if (!c.clients_permitted) w.boolean(2, "clients-permitted", false);
  if (c.no_ice) w.boolean(2, "no-ice", true);
  if (c.chord_update_interval != defaults.chord_update_interval)
    w.number(2, "chord:chord-update-interval", c.chord_update_interval);
  if (c.chord_ping_interval != defaults.chord_ping_interval)
    w.number(2, "chord:chord-ping-interval", c.chord_ping_interval);
  if (!c.chord_reactive) w.boolean(2, "chord:chord-reactive", false);
  if (!c.route_mode.empty()) w.element(2, "route-mode:mode", c.route_mode);
  if (c.number_of_peers_to_probe) w.number(2, "self-tuning:number-of-peers-to-probe", *c.number_of_peers_to_probe);
  for (const DiagnosticAccess& access : c.diagnostics) {
    w.raw(2, fmt::format("<diagnostics:diagnostic-kind kind=\"{:x}\">", access.kind));
    for (const std::string& id : access.access_nodes) w.element(3, "diagnostics:access-node", text::to_hex(id));
    w.raw(2, "</diagnostics:diagnostic-kind>");
  }
  if (c.ppsp_shards != defaults.ppsp_shards) w.number(2, "ppsp-tracker:shards", c.ppsp_shards);
  if (c.ppsp_status_placement != defaults.ppsp_status_placement)
    w.element(2, "ppsp-tracker:status-placement", c.ppsp_status_placement);
  if (c.shared_secret) w.element(2, "shared-secret", *c.shared_secret);
  if (c.max_message_size != defaults.max_message_size) w.number(2, "max-message-size", c.max_message_size);
  if (c.initial_ttl != defaults.initial_ttl) w.number(2, "initial-ttl", c.initial_ttl);
  if (c.overlay_reliability_timer != defaults.overlay_reliability_timer)
    w.number(2, "overlay-reliability-timer", c.overlay_reliability_timer);
  for (const std::string& name : c.overlay_link_protocols) w.element(2, "overlay-link-protocol", name);
  for (const std::string& id : c.configuration_signers) w.element(2, "configuration-signer", text::to_hex(id));
  for (const std::string& id : c.kind_signers) w.element(2, "kind-signer", text::to_hex(id));
  for (const std::string& id : c.bad_nodes) w.element(2, "bad-node", text::to_hex(id));
  for (const std::string& ns : c.mandatory_extensions) w.element(2, "mandatory-extension", ns);
  if (!c.required_kinds.empty()) {
    w.raw(2, "<required-kinds>");
    for (const KindBlock& block : c.required_kinds) add_kind_block(w, block, "");
    w.raw(2, "</required-kinds>");
  }
  w.raw(1, "</configuration>");
  std::string text = w.take();
  strip_last_newline(text);
  return text;
}

std::string write_config_document(const ConfigDocument& document) {
  Writer w;
  w.raw(0, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
  std::string root = document.root_tag.empty()
                         ? fmt::format("<overlay xmlns=\"{}\" xmlns:chord=\"{}\">", kConfigBaseNs, kConfigChordNs)
                         : document.root_tag;
  if (root.ends_with("/>")) root.replace(root.size() - 2, 2, ">");
  const std::size_t name_end = root.find_first_of(" \t\r\n>", 1);
  const std::string name = root.substr(1, name_end - 1);
  // Signatures are of the root's namespace, hence of its prefix.
  const std::size_t colon = name.find(':');
  const std::string prefix = colon == std::string::npos ? std::string() : name.substr(0, colon + 1);
  w.raw(0, root);
  for (const SignedConfiguration& configuration : document.configurations) {
    w.raw(1, configuration.blob.empty() ? write_configuration(configuration.configuration) : configuration.blob);
    write_signatures(w, 1, prefix + "signature", configuration.signatures);
  }
  w.raw(0, "</" + name + ">");
  return w.take();
}

}  // namespace peerscope::reload
