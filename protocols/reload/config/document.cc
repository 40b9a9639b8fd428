// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/config/document.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <limits>
#include <set>

#include "protocols/reload/security/text.h"

namespace peerscope::reload {
namespace {

// A document of nothing but mistakes must not become a list many times its size.
constexpr std::size_t kMaxDiagnostics = 1000;
constexpr std::uint32_t kFirstPrivateKind = 0xF0000001;
constexpr std::uint32_t kLastPrivateKind = 0xFFFFFFFE;
constexpr std::array<std::string_view, 4> kDataModels = {"SINGLE", "ARRAY", "DICTIONARY", "EXP-DATA"};
constexpr std::array<std::pair<std::string_view, DataModel>, 3> kModelNames = {
    {{kDataModels[0], DataModel::kSingle},
     {kDataModels[1], DataModel::kArray},
     {kDataModels[2], DataModel::kDictionary}}};
constexpr std::array<std::string_view, 10> kPolicies = {
    "USER-MATCH",    "NODE-MATCH",     "USER-NODE-MATCH", "NODE-MULTIPLE",  "EXP-MATCH",
    "NODE-ID-MATCH", "USER-CHAIN-ACL", "URI-MATCH",       "URI-NODE-MATCH", kPpspPrefixMatch};

template <class T>
bool contains(const T& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool is_project_namespace(std::string_view ns) {
  return ns == kConfigBaseNs || ns == kConfigChordNs || ns == kRouteModeNs || ns == kSelfTuningNs || ns == kShareNs ||
         ns == kPpspTrackerNs;
}

// What a reading of one document shares.
class Reader {
 public:
  Reader(std::string_view bytes, const XmlText& xml, const ConfigReadOptions& options,
         std::vector<ConfigDiagnostic>& diagnostics)
      : bytes_(bytes), xml_(xml), options_(options), diagnostics_(diagnostics) {}

  void in_configuration(int index) { configuration_ = index; }

  void say(Severity severity, const XmlElement& at, std::string requirement, std::string text) {
    if (diagnostics_.size() >= kMaxDiagnostics) {
      if (diagnostics_.size() == kMaxDiagnostics)
        diagnostics_.push_back({Severity::kError, at.line, {}, {}, "and more than can be told", -1});
      return;
    }
    const std::string& own = at.name;
    const std::string element = path_.empty() || path_.back() == own ? fmt::format("{}", fmt::join(path_, "/"))
                                                                     : fmt::format("{}/{}", fmt::join(path_, "/"), own);
    diagnostics_.push_back({severity, at.line, element, std::move(requirement), std::move(text), configuration_});
  }
  void error(const XmlElement& at, std::string text, std::string requirement = {}) {
    say(Severity::kError, at, std::move(requirement), std::move(text));
  }
  void warn(const XmlElement& at, std::string text, std::string requirement = {}) {
    say(Severity::kWarn, at, std::move(requirement), std::move(text));
  }
  void note(const XmlElement& at, std::string text, std::string requirement = {}) {
    say(Severity::kNote, at, std::move(requirement), std::move(text));
  }

  std::vector<SignedConfiguration> overlay();
  KindBlock kind_block(const XmlElement& element);
  const XmlElement& child(std::uint32_t index) const { return xml_.elements[index]; }
  const ConfigReadOptions& options() const { return options_; }
  std::string_view namespace_of(const XmlElement& element) {
    // A document without any namespace is a frequent mistake; it is read, and told once by overlay().
    return element.ns.empty() && bare_ ? kConfigBaseNs : std::string_view(element.ns);
  }
  void accept_bare() { bare_ = true; }

  // -- values. The target keeps its value when the text cannot be read.
  template <class T>
  bool number(const XmlElement& element, std::string_view text, T& target) {
    text = text::trim(text);
    if (text.starts_with('+')) text.remove_prefix(1);
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code == std::errc::result_out_of_range ||
        (code == std::errc() && end == text.data() + text.size() && !std::in_range<T>(value))) {
      error(element,
            fmt::format("{} is outside {}..{}", text, +std::numeric_limits<T>::min(), +std::numeric_limits<T>::max()));
      return false;
    }
    if (code != std::errc() || end != text.data() + text.size()) {
      error(element, fmt::format("'{}' is not an integer", text));
      return false;
    }
    target = static_cast<T>(value);
    return true;
  }
  template <class T>
  void number_in(const XmlElement& element, T& target, std::int64_t least, std::int64_t most,
                 const std::string& requirement = {}) {
    if (!number(element, element.text, target)) return;
    const auto value = static_cast<std::int64_t>(target);
    if (value < least)
      error(element, fmt::format("{} is less than {}", value, least), requirement);
    else if (value > most)
      error(element, fmt::format("{} is more than {}", value, most), requirement);
  }
  void boolean(const XmlElement& element, std::string_view text, bool& target) {
    text = text::trim(text);
    if (text == "true" || text == "1")
      target = true;
    else if (text == "false" || text == "0")
      target = false;
    else
      error(element, fmt::format("'{}' is none of true, false, 1 and 0", text));
  }
  std::string word(const XmlElement& element) {
    std::string text(text::trim(element.text));
    if (text.empty()) error(element, "is empty");
    return text;
  }
  void node_id(const XmlElement& element, std::vector<std::string>& list) {
    const std::string_view text = text::trim(element.text);
    if (auto id = text::from_hex(text); id && !id->empty())
      list.push_back(*std::move(id));
    else
      error(element, fmt::format("'{}' is not a Node-ID in hex", text));
  }

 private:
  friend class PathStep;

  SignedConfiguration configuration(const XmlElement& element);
  void judge(const XmlElement& element, const OverlayConfiguration& configuration);
  KindParameters kind(const XmlElement& element);
  std::optional<ConfigSignature> signature(const XmlElement& element);
  std::string blob(const XmlElement& element) const {
    return std::string(bytes_.substr(element.begin, element.end - element.begin));
  }
  void attributes(const XmlElement& element, std::initializer_list<std::string_view> known,
                  std::vector<ForeignName>* foreign = nullptr);
  void no_text(const XmlElement& element) {
    if (!text::trim(element.text).empty()) warn(element, "text where only elements belong");
  }
  void no_children(const XmlElement& element) {
    if (!element.children.empty()) error(element, "elements where only text belongs");
  }
  void foreign(const XmlElement& element, std::vector<ForeignName>& names);

  std::string_view bytes_;
  const XmlText& xml_;
  const ConfigReadOptions& options_;
  std::vector<ConfigDiagnostic>& diagnostics_;
  std::vector<std::string> path_;
  int configuration_ = -1;
  bool bare_ = false;
};

// Names the element that is being read in diagnostics.
class PathStep {
 public:
  PathStep(Reader& reader, const XmlElement& element) : reader_(reader) { reader_.path_.push_back(element.name); }
  ~PathStep() { reader_.path_.pop_back(); }
  PathStep(const PathStep&) = delete;
  PathStep& operator=(const PathStep&) = delete;

 private:
  Reader& reader_;
};

// ---- one row for each element of a configuration

using ReadElement = void (*)(Reader&, const XmlElement&, OverlayConfiguration&);
struct ElementRow {
  std::string_view ns;
  std::string_view name;
  bool many;  // may stand there several times
  ReadElement read;
};

void read_root_cert(Reader& r, const XmlElement& e, OverlayConfiguration& c) {
  auto der = text::from_base64(e.text);
  if (!der || der->empty()) return r.error(e, "is not base64");
  const auto certificate = Certificate::parse(*der);
  if (!certificate) {
    r.error(e, "is not a certificate: " + certificate.message());
  } else {
    if (!(*certificate)->is_ca()) r.warn(e, "may not issue certificates: BasicConstraints does not say CA", "R-ENR-11");
    if (r.options().now && !(*certificate)->valid_at(*r.options().now))
      r.warn(e,
             fmt::format("is valid from {} to {} only", text::format_time((*certificate)->not_before()),
                         text::format_time((*certificate)->not_after())),
             "R-SEC-13");
    if ((*certificate)->public_key().kind() == KeyKind::kRsa && (*certificate)->public_key().bits() < 2048)
      r.note(e, fmt::format("its RSA key has {} bits only", (*certificate)->public_key().bits()));
  }
  c.root_certs.push_back(*std::move(der));
}

void read_enrollment_server(Reader& r, const XmlElement& e, OverlayConfiguration& c) {
  std::string url(text::trim(e.text));
  // The prose speaks of a "url" element inside, the grammar and the example have the URL itself.
  for (const std::uint32_t index : e.children) {
    const XmlElement& inner = r.child(index);
    if (inner.name != "url" || !url.empty()) {
      r.error(e, fmt::format("<{}> inside", inner.name));
      continue;
    }
    r.note(e, "the URL is in a <url> element; the grammar has the URL itself");
    url = text::trim(inner.text);
  }
  if (url.empty()) return r.error(e, "is empty");
  if (!url.starts_with("https://") && !url.starts_with("HTTPS://"))
    r.error(e, fmt::format("'{}' is not an https URL", url), "R-XML-03");
  c.enrollment_servers.push_back(std::move(url));
}

void read_self_signed(Reader& r, const XmlElement& e, OverlayConfiguration& c) {
  SelfSignedPermitted value;
  r.boolean(e, e.text, value.permitted);
  if (const XmlAttribute* digest = e.attribute("digest"))
    value.digest = text::trim(digest->value);
  else
    r.error(e, "has no digest attribute");
  if (!value.digest.empty() && !value.hash())
    r.error(e, fmt::format("digest '{}' is neither sha1 nor sha256", value.digest), "R-XML-04");
  if (!value.permitted) r.note(e, "should be absent unless it is true");
  c.self_signed_permitted = std::move(value);
}

void read_bootstrap_node(Reader& r, const XmlElement& e, OverlayConfiguration& c) {
  BootstrapNode node;
  const XmlAttribute* address = e.attribute("address");
  if (address == nullptr) return r.error(e, "has no address attribute");
  node.address = text::trim(address->value);
  std::array<unsigned char, 16> scratch{};
  if (inet_pton(AF_INET, node.address.c_str(), scratch.data()) != 1 &&
      inet_pton(AF_INET6, node.address.c_str(), scratch.data()) != 1)
    r.error(e, fmt::format("address '{}' is neither IPv4 nor IPv6", node.address));
  if (const XmlAttribute* port = e.attribute("port")) {
    if (r.number(e, port->value, node.port) && node.port == 0) r.error(e, "port 0");
  }
  c.bootstrap_nodes.push_back(std::move(node));
}

void read_diagnostic_kind(Reader& r, const XmlElement& e, OverlayConfiguration& c) {
  const PathStep step(r, e);
  DiagnosticAccess access;
  const XmlAttribute* kind = e.attribute("kind");
  if (kind == nullptr) return r.error(e, "has no kind attribute");
  std::string_view hex = text::trim(kind->value);
  if (hex.starts_with("0x") || hex.starts_with("0X")) hex.remove_prefix(2);
  const auto [end, code] = std::from_chars(hex.data(), hex.data() + hex.size(), access.kind, 16);
  if (code != std::errc() || end != hex.data() + hex.size() || hex.empty())
    return r.error(e, fmt::format("kind '{}' is not a hexadecimal number of 16 bits", kind->value));
  for (const std::uint32_t index : e.children) {
    const XmlElement& inner = r.child(index);
    if (inner.name != "access-node" || inner.ns != kDiagnosticsNs)
      r.error(inner, "has no place in a diagnostic-kind");
    else
      r.node_id(inner, access.access_nodes);
  }
  if (access.access_nodes.empty()) r.error(e, "has no access-node");
  c.diagnostics.push_back(std::move(access));
}

void read_required_kinds(Reader& r, const XmlElement& e, OverlayConfiguration& c) {
  const PathStep step(r, e);
  for (const std::uint32_t index : e.children) {
    const XmlElement& inner = r.child(index);
    if (inner.name != "kind-block" || r.namespace_of(inner) != kConfigBaseNs) {
      r.error(inner, "has no place in required-kinds");
      continue;
    }
    c.required_kinds.push_back(r.kind_block(inner));
  }
}

constexpr std::int64_t kMaxInt = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kMaxUnsigned = std::numeric_limits<std::uint32_t>::max();

const std::array<ElementRow, 31> kElements = {{
    {kConfigBaseNs, "topology-plugin", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) {
       if (std::string name = r.word(e); !name.empty()) c.topology_plugin = std::move(name);
     }},
    // The prose's spelling; grammar and example have the one above.
    {kConfigBaseNs, "topology-plug-in", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) {
       r.note(e, "the grammar spells it topology-plugin");
       if (std::string name = r.word(e); !name.empty()) c.topology_plugin = std::move(name);
     }},
    {kConfigBaseNs, "node-id-length", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) {
       r.number_in(e, c.node_id_length, 16, 20, "R-XML-02");
     }},
    {kConfigBaseNs, "root-cert", true, read_root_cert},
    {kConfigBaseNs, "enrollment-server", true, read_enrollment_server},
    {kConfigBaseNs, "self-signed-permitted", false, read_self_signed},
    {kConfigBaseNs, "bootstrap-node", true, read_bootstrap_node},
    {kConfigBaseNs, "turn-density", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) { r.number_in(e, c.turn_density, 0, 255); }},
    {kConfigBaseNs, "clients-permitted", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) { r.boolean(e, e.text, c.clients_permitted); }},
    {kConfigBaseNs, "no-ice", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) { r.boolean(e, e.text, c.no_ice); }},
    {kConfigBaseNs, "shared-secret", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) { c.shared_secret = r.word(e); }},
    {kConfigBaseNs, "max-message-size", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) {
       r.number_in(e, c.max_message_size, 1, kMaxUnsigned);
     }},
    // The header's ttl has 8 bits (section 6.3.2).
    {kConfigBaseNs, "initial-ttl", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) { r.number_in(e, c.initial_ttl, 1, 255); }},
    {kConfigBaseNs, "overlay-reliability-timer", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) {
       r.number_in(e, c.overlay_reliability_timer, 200, kMaxInt, "R-XML-05");
     }},
    {kConfigBaseNs, "overlay-link-protocol", true,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) {
       if (std::string name = r.word(e); !name.empty()) c.overlay_link_protocols.push_back(std::move(name));
     }},
    {kConfigBaseNs, "configuration-signer", true,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) { r.node_id(e, c.configuration_signers); }},
    {kConfigBaseNs, "kind-signer", true,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) { r.node_id(e, c.kind_signers); }},
    {kConfigBaseNs, "bad-node", true,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) { r.node_id(e, c.bad_nodes); }},
    {kConfigBaseNs, "mandatory-extension", true,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) {
       if (std::string name = r.word(e); !name.empty()) c.mandatory_extensions.push_back(std::move(name));
     }},
    {kConfigBaseNs, "required-kinds", false, read_required_kinds},
    {kConfigChordNs, "chord-update-interval", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) {
       r.number_in(e, c.chord_update_interval, 1, kMaxInt);
     }},
    {kConfigChordNs, "chord-ping-interval", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) {
       r.number_in(e, c.chord_ping_interval, 1, kMaxInt);
     }},
    {kConfigChordNs, "chord-reactive", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) { r.boolean(e, e.text, c.chord_reactive); }},
    {kRouteModeNs, "mode", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) {
       c.route_mode = r.word(e);
       if (!c.route_mode.empty() && c.route_mode != "DRR" && c.route_mode != "RPR")
         r.error(e, fmt::format("route mode '{}' is neither DRR nor RPR", c.route_mode));
     }},
    {kSelfTuningNs, "number-of-peers-to-probe", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) {
       std::uint32_t count = 0;
       if (r.number(e, e.text, count)) c.number_of_peers_to_probe = count;
     }},
    {kDiagnosticsNs, "diagnostic-kind", true, read_diagnostic_kind},
    {kPpspTrackerNs, "shards", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) {
       std::uint32_t shards = 0;
       if (!r.number(e, e.text, shards)) return;
       if (!std::has_single_bit(shards) || shards > kMostPpspShards)
         return r.error(e, fmt::format("{} is not a power of two up to {}", shards, kMostPpspShards));
       c.ppsp_shards = shards;
     }},
    {kPpspTrackerNs, "status-placement", false,
     [](Reader& r, const XmlElement& e, OverlayConfiguration& c) {
       const std::string letters = r.word(e);
       if (letters.find_first_not_of("ABCDE") != std::string::npos)
         return r.error(e, fmt::format("'{}' has other letters than A to E", letters));
       if (!letters.empty()) c.ppsp_status_placement = letters;
     }},
    // Parts of a document that stand elsewhere.
    {kConfigBaseNs, "kind-block", true,
     [](Reader& r, const XmlElement& e,
        OverlayConfiguration&) { r.error(e, "belongs into required-kinds; not read"); }},
    {kConfigBaseNs, "signature", true,
     [](Reader& r, const XmlElement& e,
        OverlayConfiguration&) { r.error(e, "belongs behind the configuration, not into it; not read"); }},
    {kConfigBaseNs, "configuration", true,
     [](Reader& r, const XmlElement& e, OverlayConfiguration&) { r.error(e, "inside another one; not read"); }},
}};

void Reader::foreign(const XmlElement& element, std::vector<ForeignName>& names) {
  const std::string_view ns = namespace_of(element);
  names.push_back({std::string(ns), element.name});
  // The grammar leaves room for elements of other namespaces only.
  if (is_project_namespace(ns))
    error(element, fmt::format("<{}> is not an element of {}", element.name, ns));
  else if (ns.empty())
    error(element, fmt::format("<{}> has no namespace", element.name));
}

void Reader::attributes(const XmlElement& element, std::initializer_list<std::string_view> known,
                        std::vector<ForeignName>* foreign_names) {
  for (const XmlAttribute& attribute : element.attributes) {
    if (attribute.ns.empty() || is_project_namespace(attribute.ns)) {
      if (!contains(known, attribute.name) || !attribute.ns.empty())
        warn(element, fmt::format("attribute '{}' is not known", attribute.name));
    } else if (foreign_names != nullptr) {
      foreign_names->push_back({attribute.ns, attribute.name});
    }
  }
}

std::optional<ConfigSignature> Reader::signature(const XmlElement& element) {
  attributes(element, {"algorithm"});
  no_children(element);
  auto bytes = text::from_base64(element.text);
  if (!bytes || bytes->empty()) {
    error(element, "is not base64", element.name == "kind-signature" ? "R-XML-09" : "R-XML-11");
    return std::nullopt;
  }
  ConfigSignature signature;
  signature.security_block = *std::move(bytes);
  if (const XmlAttribute* algorithm = element.attribute("algorithm")) signature.algorithm = algorithm->value;
  return signature;
}

VariableResourceNames read_variable_names(Reader& r, const XmlElement& e) {
  VariableResourceNames names;
  if (const XmlAttribute* enable = e.attribute("enable"))
    r.boolean(e, enable->value, names.enable);
  else
    r.error(e, "has no enable attribute");
  for (const std::uint32_t index : e.children) {
    const XmlElement& inner = r.child(index);
    if (inner.ns != kShareNs || inner.name != "pattern") {
      r.error(inner, "has no place in variable-resource-names");
      continue;
    }
    std::string pattern(text::trim(inner.text));
    // RFC 8076 section 5.2: a pattern without both is not used.
    if (pattern.find("$USER") == std::string::npos || pattern.find("$DOMAIN") == std::string::npos)
      r.error(inner, fmt::format("pattern '{}' lacks $USER or $DOMAIN", pattern));
    names.patterns.push_back(std::move(pattern));
  }
  if (names.enable && names.patterns.empty()) r.error(e, "is enabled and has no pattern");
  return names;
}

KindParameters Reader::kind(const XmlElement& element) {
  const PathStep step(*this, element);
  KindParameters kind;
  attributes(element, {"name", "id"});
  no_text(element);
  const XmlAttribute* name = element.attribute("name");
  const XmlAttribute* id = element.attribute("id");
  if (name != nullptr) kind.name = text::trim(name->value);
  if (id != nullptr) {
    std::uint32_t value = 0;
    if (number(element, id->value, value)) kind.id = value;
  }
  if ((name == nullptr) == (id == nullptr)) error(element, "has either a name or an id attribute, not both or none");
  if (name != nullptr && find_registered_kind(kind) == nullptr)
    warn(element, fmt::format("'{}' is not a registered Kind name known here", kind.name));
  if (kind.id && (*kind.id < kFirstPrivateKind || *kind.id > kLastPrivateKind))
    error(element,
          fmt::format("id {} is outside the private range {}..{}", *kind.id, kFirstPrivateKind, kLastPrivateKind));

  std::set<std::string_view> seen;
  for (const std::uint32_t index : element.children) {
    const XmlElement& e = child(index);
    const std::string_view ns = namespace_of(e);
    const bool base = ns == kConfigBaseNs;
    if (ns == kShareNs && e.name == "variable-resource-names") {
      kind.variable_resource_names = read_variable_names(*this, e);
      continue;
    }
    static constexpr std::array<std::string_view, 5> kOwn = {"data-model", "access-control", "max-count", "max-size",
                                                             "max-node-multiple"};
    if (!base || !contains(kOwn, e.name)) {
      foreign(e, kind.foreign_elements);
      continue;
    }
    no_children(e);
    if (!seen.insert(e.name).second) {
      error(e, "is there twice; the first one counts");
      continue;
    }
    if (e.name == "data-model") {
      kind.data_model = word(e);
      if (!kind.data_model.empty() && !contains(kDataModels, kind.data_model))
        warn(e, fmt::format("data model '{}' is not known here", kind.data_model));
    } else if (e.name == "access-control") {
      kind.access_control = word(e);
      if (!kind.access_control.empty() && !contains(kPolicies, kind.access_control))
        warn(e, fmt::format("access control policy '{}' is not known here", kind.access_control));
    } else if (e.name == "max-count") {
      number_in(e, kind.max_count, 0, kMaxInt);
    } else if (e.name == "max-size") {
      number_in(e, kind.max_size, 0, kMaxInt);
    } else {
      std::int32_t multiple = 0;
      if (!number(e, e.text, multiple)) continue;
      kind.max_node_multiple = multiple;
      if (multiple <= 0) error(e, fmt::format("{} is not more than 0", multiple));
    }
  }
  for (const std::string_view needed : {"data-model", "access-control", "max-count", "max-size"}) {
    if (!seen.contains(needed)) error(element, fmt::format("has no {}", needed));
  }
  const EffectiveKind counts = effective(kind);
  if (counts.access_control == "NODE-MULTIPLE" && !kind.max_node_multiple && !seen.contains("max-node-multiple"))
    error(element, "NODE-MULTIPLE needs a max-node-multiple");
  if (find_registered_kind(kind) != nullptr) {
    if (!kind.data_model.empty() && kind.data_model != counts.data_model)
      warn(element,
           fmt::format("data-model is {}, the registration's is {} and counts", kind.data_model, counts.data_model),
           "R-XML-08");
    if (!kind.access_control.empty() && kind.access_control != counts.access_control)
      warn(element,
           fmt::format("access-control is {}, the registration's is {} and counts", kind.access_control,
                       counts.access_control),
           "R-XML-08");
  }
  return kind;
}

KindBlock Reader::kind_block(const XmlElement& element) {
  const PathStep step(*this, element);
  KindBlock block;
  attributes(element, {});
  no_text(element);
  int kinds = 0;
  bool signature_seen = false;
  for (const std::uint32_t index : element.children) {
    const XmlElement& e = child(index);
    const bool base = namespace_of(e) == kConfigBaseNs;
    if (base && e.name == "kind") {
      if (++kinds > 1) {
        error(e, "is there twice; the first one counts");
        continue;
      }
      block.kind = kind(e);
      block.blob = blob(e);
      block.offset = e.begin;
    } else if (base && e.name == "kind-signature") {
      signature_seen = true;
      if (auto read = signature(e)) block.signatures.push_back(*std::move(read));
    } else {
      error(e, "has no place in a kind-block");
    }
  }
  if (kinds == 0) error(element, "has no kind");
  if (!signature_seen) error(element, "has no kind-signature", "R-XML-09");
  if (block.signatures.size() > 1) error(element, "has several kind-signatures");
  return block;
}

void Reader::judge(const XmlElement& element, const OverlayConfiguration& c) {
  const auto length = static_cast<std::size_t>(std::max(c.node_id_length, 0));
  const auto check_ids = [&](const std::vector<std::string>& ids, std::string_view name) {
    for (const std::string& id : ids) {
      if (id.size() != length)
        error(element, fmt::format("{} {} has {} bytes, node-id-length says {}", name, text::to_hex(id), id.size(),
                                   c.node_id_length));
    }
  };
  check_ids(c.configuration_signers, "configuration-signer");
  check_ids(c.kind_signers, "kind-signer");
  check_ids(c.bad_nodes, "bad-node");
  const bool self_signed = c.self_signed_permitted && c.self_signed_permitted->permitted;
  if (c.root_certs.empty() && !self_signed && !c.shared_secret)
    warn(element, "has no root-cert and does not permit self-signed certificates: nobody can be trusted");
  if (c.enrollment_servers.empty() && !self_signed && !c.shared_secret)
    note(element, "has no enrollment-server: certificates come by another way");
  const auto expect_extension = [&](bool used, std::string_view ns) {
    if (used && !contains(c.mandatory_extensions, ns))
      warn(element, fmt::format("uses {} without a mandatory-extension for it", ns));
  };
  expect_extension(!c.route_mode.empty(), kRouteModeNs);
  expect_extension(c.number_of_peers_to_probe.has_value(), kSelfTuningNs);
  for (const DiagnosticAccess& access : c.diagnostics) check_ids(access.access_nodes, "access-node");
  if (c.topology_plugin == "CHORD-RELOAD" && c.node_id_length != 16)
    warn(element, "CHORD-RELOAD works with Node-IDs of 16 bytes only");
  if (c.number_of_peers_to_probe && c.topology_plugin != "CHORD-SELF-TUNING")
    note(element, fmt::format("number-of-peers-to-probe means nothing to {}", c.topology_plugin));
}

SignedConfiguration Reader::configuration(const XmlElement& element) {
  const PathStep step(*this, element);
  SignedConfiguration out;
  out.blob = blob(element);
  out.offset = element.begin;
  OverlayConfiguration& c = out.configuration;
  attributes(element, {"instance-name", "expiration", "sequence"}, &c.foreign_attributes);
  no_text(element);
  if (const XmlAttribute* name = element.attribute("instance-name")) c.instance_name = text::trim(name->value);
  if (c.instance_name.empty()) error(element, "has no instance-name");
  if (const XmlAttribute* expiration = element.attribute("expiration")) {
    const auto time = text::parse_time(text::trim(expiration->value));
    if (!time) {
      error(element, fmt::format("expiration '{}' is not an RFC 3339 time", expiration->value), "R-XML-14");
    } else {
      c.expiration = time->seconds;
      if (!time->utc) error(element, fmt::format("expiration '{}' is not in UTC", expiration->value), "R-XML-14");
      if (options_.now && *options_.now > time->seconds) warn(element, fmt::format("expired {}", expiration->value));
    }
  } else {
    note(element, "has no expiration");
  }
  if (const XmlAttribute* sequence = element.attribute("sequence")) {
    std::uint16_t value = 0;
    if (number(element, sequence->value, value)) {
      c.sequence = value;
      if (value == 65535) error(element, "sequence 65535 is not a configuration's (0..65534)");
    }
  } else {
    note(element, "has no sequence");
  }

  std::set<std::string_view> seen;
  for (const std::uint32_t index : element.children) {
    const XmlElement& e = child(index);
    const std::string_view ns = namespace_of(e);
    const auto row = std::find_if(kElements.begin(), kElements.end(),
                                  [&](const ElementRow& r) { return r.name == e.name && r.ns == ns; });
    if (row == kElements.end()) {
      foreign(e, c.foreign_elements);
      continue;
    }
    if (!row->many && !seen.insert(row->name == "topology-plug-in" ? "topology-plugin" : row->name).second) {
      error(e, "is there twice; the first one counts");
      continue;
    }
    if (e.name == "self-signed-permitted")
      attributes(e, {"digest"});
    else if (e.name == "bootstrap-node")
      attributes(e, {"address", "port"});
    else if (e.name == "diagnostic-kind")
      attributes(e, {"kind"});
    else
      attributes(e, {});
    const bool holds_elements =
        row->read == read_required_kinds || row->read == read_enrollment_server || row->read == read_diagnostic_kind;
    if (!holds_elements && e.name != "kind-block" && e.name != "configuration") no_children(e);
    if (row->read == read_required_kinds) no_text(e);
    row->read(*this, e, c);
  }
  judge(element, c);
  return out;
}

std::vector<SignedConfiguration> Reader::overlay() {
  std::vector<SignedConfiguration> configurations;
  std::set<std::string> names;
  const XmlElement& root = xml_.elements.front();
  const PathStep step(*this, root);
  if (root.ns.empty()) {
    bare_ = true;
    error(root, fmt::format("the document has no namespace; read as {}", kConfigBaseNs));
  }
  if (root.name != "overlay" || namespace_of(root) != kConfigBaseNs) {
    error(root, fmt::format("the root element is not overlay in {}", kConfigBaseNs));
    return configurations;
  }
  no_text(root);
  for (const std::uint32_t index : root.children) {
    const XmlElement& e = child(index);
    const bool base = namespace_of(e) == kConfigBaseNs;
    if (base && e.name == "configuration") {
      configuration_ = static_cast<int>(configurations.size());
      configurations.push_back(configuration(e));
      const std::string& name = configurations.back().configuration.instance_name;
      if (!name.empty() && !names.insert(name).second) error(e, fmt::format("'{}' has two configurations", name));
    } else if (base && e.name == "signature") {
      if (configurations.empty()) {
        error(e, "no configuration stands before it");
      } else if (auto read = signature(e)) {
        configurations.back().signatures.push_back(*std::move(read));
      }
    } else {
      configuration_ = -1;
      warn(e, fmt::format("<{}> has no place in overlay", e.name));
    }
  }
  configuration_ = -1;
  if (configurations.empty()) error(root, "has no configuration");
  return configurations;
}

// Tells what the XML parser found; false when there is nothing to read.
bool take_problems(const XmlText& xml, std::vector<ConfigDiagnostic>& diagnostics) {
  for (const XmlProblem& problem : xml.refusals)
    diagnostics.push_back({Severity::kError, problem.line, "", "R-XML-01", problem.text, -1});
  for (const XmlProblem& problem : xml.problems)
    diagnostics.push_back({Severity::kError, problem.line, "", "R-XML-01", problem.text, -1});
  return !xml.elements.empty();
}

}  // namespace

DataModel data_model_of(std::string_view text) {
  for (const auto& [name, model] : kModelNames) {
    if (name == text) return model;
  }
  return DataModel::kUnknown;
}

std::string_view to_text(DataModel model) {
  for (const auto& [name, known] : kModelNames) {
    if (known == model) return name;
  }
  return {};
}

const RegisteredKind* find_registered_kind(const KindParameters& kind) {
  for (const RegisteredKind& row : kRegisteredKinds) {
    if (kind.name.empty() ? kind.id == row.id : kind.name == row.name) return &row;
  }
  return nullptr;
}

EffectiveKind effective(const KindParameters& kind) {
  const RegisteredKind* row = find_registered_kind(kind);
  if (row == nullptr) return {kind.id, kind.data_model, kind.access_control};
  return {row->id, std::string(to_text(row->model)), row->policy};
}

std::optional<std::uint8_t> SelfSignedPermitted::hash() const {
  if (digest == "sha1") return tls_hash::kSha1;
  if (digest == "sha256") return tls_hash::kSha256;
  return std::nullopt;
}

std::vector<std::string> OverlayConfiguration::link_protocols() const {
  return overlay_link_protocols.empty() ? std::vector<std::string>{"TLS"} : overlay_link_protocols;
}

bool OverlayConfiguration::may_diagnose(std::uint16_t kind, std::string_view node_id) const {
  return std::any_of(diagnostics.begin(), diagnostics.end(), [&](const DiagnosticAccess& access) {
    return access.kind == kind && contains(access.access_nodes, node_id);
  });
}

bool OverlayConfiguration::is_bad_node(std::string_view node_id) const {
  return contains(bad_nodes, node_id);
}

bool ConfigDocument::has_errors(std::size_t configuration) const {
  return std::any_of(diagnostics.begin(), diagnostics.end(), [&](const ConfigDiagnostic& d) {
    return d.severity == Severity::kError &&
           (d.configuration < 0 || static_cast<std::size_t>(d.configuration) == configuration);
  });
}

const SignedConfiguration* ConfigDocument::find(std::string_view instance_name) const {
  const SignedConfiguration* found = nullptr;
  for (const SignedConfiguration& candidate : configurations) {
    if (candidate.configuration.instance_name != instance_name) continue;
    if (found != nullptr) return nullptr;
    found = &candidate;
  }
  return found;
}

ConfigDocument read_config_document(std::string_view bytes, const ConfigReadOptions& options) {
  ConfigDocument document;
  const XmlText xml = parse_xml(bytes, options.limits);
  if (!take_problems(xml, document.diagnostics)) return document;
  document.well_formed = true;
  if (!xml.has_encoding)
    document.diagnostics.push_back({Severity::kNote, 1, "", "R-XML-01", "has no encoding declaration", -1});
  const XmlElement& root = xml.elements.front();
  document.root_tag = bytes.substr(root.begin, root.open_end - root.begin);
  document.configurations = Reader(bytes, xml, options, document.diagnostics).overlay();
  return document;
}

std::vector<KindBlock> read_kind_blocks(std::string_view bytes, std::vector<ConfigDiagnostic>& diagnostics,
                                        const ConfigReadOptions& options) {
  // Several elements one after the other are no document: they get a root, which declares what a block may leave out.
  const std::string prefix =
      fmt::format("<kinds xmlns='{}' xmlns:chord='{}' xmlns:share='{}'>", kConfigBaseNs, kConfigChordNs, kShareNs);
  std::vector<KindBlock> blocks;
  if (bytes.size() > options.limits.bytes) {
    diagnostics.push_back(
        {Severity::kError, 1, "", "R-XML-01", "larger than " + std::to_string(options.limits.bytes) + " bytes", -1});
    return blocks;
  }
  const std::string text = prefix + std::string(bytes) + "</kinds>";
  XmlLimits limits = options.limits;
  limits.bytes += prefix.size() + 8;
  const XmlText xml = parse_xml(text, limits);
  if (!take_problems(xml, diagnostics)) return blocks;
  Reader reader(text, xml, options, diagnostics);
  reader.accept_bare();
  for (const std::uint32_t index : xml.elements.front().children) {
    const XmlElement& e = xml.elements[index];
    if (e.name != "kind-block" || reader.namespace_of(e) != kConfigBaseNs) {
      reader.error(e, "is not a kind-block");
      continue;
    }
    blocks.push_back(reader.kind_block(e));
    if (blocks.back().offset >= prefix.size()) blocks.back().offset -= prefix.size();
  }
  return blocks;
}

std::vector<std::string> unmet_requirements(const OverlayConfiguration& configuration,
                                            std::span<const std::string_view> extensions,
                                            const std::function<bool(const KindParameters&)>& knows_kind) {
  std::vector<std::string> unmet;
  for (const std::string& ns : configuration.mandatory_extensions) {
    if (!contains(extensions, ns)) unmet.push_back("R-XML-06: extension " + ns);
  }
  for (const KindBlock& block : configuration.required_kinds) {
    if (knows_kind && knows_kind(block.kind)) continue;
    unmet.push_back("R-XML-07: Kind " +
                    (block.kind.name.empty() ? std::to_string(block.kind.id.value_or(0)) : block.kind.name));
  }
  return unmet;
}

}  // namespace peerscope::reload
