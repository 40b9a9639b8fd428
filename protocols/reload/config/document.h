// SPDX-License-Identifier: GPL-2.0-or-later
// The configuration document of an overlay: RFC 6940 section 11.1, with the elements of RFC 7263 (route-mode), RFC 7363
// (self-tuning), RFC 7851 (diagnostics) and RFC 8076 (variable-resource-names), and those of the distributed PPSP
// tracker.
//
//   <overlay xmlns="urn:ietf:params:xml:ns:p2p:config-base">
//     <configuration instance-name="overlay.example.org" sequence="22" expiration="2030-10-10T07:00:00Z">
//       <node-id-length>16</node-id-length> ...
//       <required-kinds><kind-block><kind
//       name="...">...</kind><kind-signature>...</kind-signature></kind-block></required-kinds>
//     </configuration>
//     <signature>...</signature>
//   </overlay>
//
// Reading is tolerant and says everything that is not as the RFC wants it: a value that cannot be read keeps its
// default, one that can be read but is out of its range is kept as written, both with a diagnostic. Whoever joins an
// overlay must look at the diagnostics (has_errors). Not covered: the OASIS RELAX NG validation of foreign elements,
// which are only named. Plain values and functions, safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocols/base/requirement.h"
#include "protocols/reload/config/xml.h"
#include "protocols/reload/kind.h"
#include "protocols/reload/security/certificate.h"
#include "protocols/reload/security/crypto.h"
#include "protocols/reload/security/outcome.h"

namespace peerscope::reload {

inline constexpr std::string_view kConfigMediaType = "application/p2p-overlay+xml";
inline constexpr std::string_view kConfigBaseNs = "urn:ietf:params:xml:ns:p2p:config-base";
inline constexpr std::string_view kConfigChordNs = "urn:ietf:params:xml:ns:p2p:config-chord";
inline constexpr std::string_view kRouteModeNs = "urn:ietf:params:xml:ns:p2p:route-mode";
inline constexpr std::string_view kSelfTuningNs = "urn:ietf:params:xml:ns:p2p:self-tuning";
inline constexpr std::string_view kDiagnosticsNs = "urn:ietf:params:xml:ns:p2p:config-diagnostics";
inline constexpr std::string_view kPpspTrackerNs = "urn:peerscope:params:xml:ns:ppsp-tracker";
inline constexpr std::string_view kShareNs = "urn:ietf:params:xml:ns:p2p:config-base:share";

struct ConfigDiagnostic {
  Severity severity = Severity::kError;
  int line = 0;             // 1-based; 0 when the document as a whole is meant
  std::string element;      // "configuration/node-id-length"
  std::string requirement;  // "R-XML-02", or empty
  std::string text;
  int configuration = -1;  // index into ConfigDocument::configurations; -1: the document
};

struct ForeignName {
  std::string ns;
  std::string name;
  friend bool operator==(const ForeignName&, const ForeignName&) = default;
};

// A signature or kind-signature element: a SecurityBlock (section 6.3.4), base64 in the document, bytes here.
struct ConfigSignature {
  std::string security_block;
  std::string algorithm;  // of the optional attribute
};

inline constexpr std::uint32_t kMostPpspShards = 1U << 16;

struct VariableResourceNames {  // RFC 8076 section 5.2
  bool enable = false;
  std::vector<std::string> patterns;
  friend bool operator==(const VariableResourceNames&, const VariableResourceNames&) = default;
};

struct KindParameters {
  std::string name;                 // registered name, or
  std::optional<std::uint32_t> id;  // private Kind-ID
  std::string data_model;           // as written: SINGLE, ARRAY, DICTIONARY, ...
  std::string access_control;       // as written
  std::int32_t max_count = 0;
  std::int32_t max_size = 0;
  std::optional<std::int32_t> max_node_multiple;
  std::optional<VariableResourceNames> variable_resource_names;
  std::vector<ForeignName> foreign_elements;
  friend bool operator==(const KindParameters&, const KindParameters&) = default;
};

// "SINGLE", "ARRAY", "DICTIONARY"; kUnknown for other words, and no word for it.
DataModel data_model_of(std::string_view text);
std::string_view to_text(DataModel model);
// What the IANA registry says about a Kind; for registered Kinds it wins over the document (R-XML-08).
const RegisteredKind* find_registered_kind(const KindParameters& kind);
// The Kind-ID, data model and policy that count. No id for a name that is not registered.
struct EffectiveKind {
  std::optional<std::uint32_t> id;
  std::string data_model;
  std::string access_control;
};
EffectiveKind effective(const KindParameters& kind);

struct KindBlock {
  KindParameters kind;
  // The bytes from "<kind" to "</kind>" that the signatures cover. When set, the writer emits them unchanged
  // (R-XML-10); clear it after changing `kind`.
  std::string blob;
  std::size_t offset = 0;  // of the blob in the document
  std::vector<ConfigSignature> signatures;
};

struct SelfSignedPermitted {
  bool permitted = false;
  std::string digest;  // "sha1" or "sha256"
  // TLS hash code of the digest; nothing when it is neither.
  std::optional<std::uint8_t> hash() const;
  friend bool operator==(const SelfSignedPermitted&, const SelfSignedPermitted&) = default;
};

struct BootstrapNode {
  std::string address;  // IPv4 or IPv6 literal
  std::uint16_t port = 6084;
  friend bool operator==(const BootstrapNode&, const BootstrapNode&) = default;
};

// Who may ask for one diagnostic kind (RFC 7851 section 7).
struct DiagnosticAccess {
  std::uint16_t kind = 0;
  std::vector<std::string> access_nodes;  // Node-IDs, raw
  friend bool operator==(const DiagnosticAccess&, const DiagnosticAccess&) = default;
};

struct OverlayConfiguration {
  std::string instance_name;               // the overlay name
  std::optional<std::int64_t> expiration;  // seconds since 1970
  std::optional<std::uint16_t> sequence;   // 0..65534
  std::string topology_plugin = "CHORD-RELOAD";
  std::int32_t node_id_length = 16;     // bytes
  std::vector<std::string> root_certs;  // DER
  std::vector<std::string> enrollment_servers;
  std::optional<SelfSignedPermitted> self_signed_permitted;
  std::vector<BootstrapNode> bootstrap_nodes;
  std::uint8_t turn_density = 1;  // 0: no TURN servers
  bool clients_permitted = true;
  bool no_ice = false;
  std::optional<std::string> shared_secret;
  std::uint32_t max_message_size = 5000;  // bytes
  std::int32_t initial_ttl = 100;
  std::int32_t overlay_reliability_timer = 3000;    // ms
  std::vector<std::string> overlay_link_protocols;  // empty: TLS, see link_protocols()
  std::vector<std::string> configuration_signers;   // Node-IDs, raw
  std::vector<std::string> kind_signers;
  std::vector<std::string> bad_nodes;
  std::vector<std::string> mandatory_extensions;  // XML namespaces
  std::vector<KindBlock> required_kinds;

  std::int32_t chord_update_interval = 600;  // s
  std::int32_t chord_ping_interval = 3600;   // s
  bool chord_reactive = true;
  std::string route_mode;                                 // RFC 7263: "DRR" or "RPR"; empty: not given
  std::optional<std::uint32_t> number_of_peers_to_probe;  // RFC 7363; its default is 4
  std::vector<DiagnosticAccess> diagnostics;              // RFC 7851
  std::uint32_t ppsp_shards = 1;                          // of a swarm's registrations; a power of two
  std::string ppsp_status_placement = "BD";               // where a peer's status is: letters A to E

  std::vector<ForeignName> foreign_elements;
  std::vector<ForeignName> foreign_attributes;

  std::vector<std::string> link_protocols() const;
  bool is_bad_node(std::string_view node_id) const;
  bool may_diagnose(std::uint16_t kind, std::string_view node_id) const;
};

struct SignedConfiguration {
  OverlayConfiguration configuration;
  // The bytes from "<configuration" to "</configuration>"; see KindBlock::blob.
  std::string blob;
  std::size_t offset = 0;
  std::vector<ConfigSignature> signatures;
};

struct ConfigDocument {
  std::vector<SignedConfiguration> configurations;
  std::vector<ConfigDiagnostic> diagnostics;
  bool well_formed = false;
  // Start tag of the root element: prefixes in the blobs are declared there.
  std::string root_tag;

  // Whether something of error severity was said about this configuration, or about the document.
  bool has_errors(std::size_t configuration) const;
  // The configuration of this overlay; null when there is none or the document has it twice.
  const SignedConfiguration* find(std::string_view instance_name) const;
};

struct ConfigReadOptions {
  XmlLimits limits{};
  // To tell expired configurations and root certificates; nothing is said about them without it.
  std::optional<std::int64_t> now;
};

ConfigDocument read_config_document(std::string_view bytes, const ConfigReadOptions& options = {});
// kind-block elements alone, one after the other, as a ConfigUpdate may carry them (section 6.5.4.1). They may do
// without the namespace declaration.
std::vector<KindBlock> read_kind_blocks(std::string_view bytes, std::vector<ConfigDiagnostic>& diagnostics,
                                        const ConfigReadOptions& options = {});

// What a node cannot do with this configuration: namespaces of mandatory-extension that are not in `extensions`, and
// required Kinds that `knows_kind` denies. Such an overlay is not joined (R-XML-06, R-XML-07).
std::vector<std::string> unmet_requirements(const OverlayConfiguration& configuration,
                                            std::span<const std::string_view> extensions,
                                            const std::function<bool(const KindParameters&)>& knows_kind);

// ---- writing. The same struct gives the same bytes. Elements with their default value are left out, foreign ones
// cannot be written: only their names were kept. Text must be free of control characters.

std::string write_kind(const KindParameters& kind);
// kind-block alone, as a ConfigUpdate carries it.
std::string write_kind_block(const KindBlock& block);
// From "<configuration" to "</configuration>", with its namespaces declared, so that it can be read anywhere.
std::string write_configuration(const OverlayConfiguration& configuration);
// Blobs that are set are emitted as they are.
std::string write_config_document(const ConfigDocument& document);

// ---- signing. The signature covers the blob; whether SignerIdentity follows it, as in messages, the RFC leaves open.
// We sign blob || SignerIdentity and accept both.
//
// How a SecurityBlock is laid out is the message description's business. It comes in here as functions.

struct SecurityBlockParts {
  std::vector<std::string> certificates;  // DER
  SignatureCode code{};
  std::string identity;  // SignerIdentity as encoded, with type and length: goes into the signature's input
  std::uint8_t identity_type = 0;
  std::uint8_t identity_hash_code = 0;  // of identity types 1 and 2
  std::string identity_hash;
  std::string signature;
};
using SecurityBlockDecoder = std::function<std::optional<SecurityBlockParts>(std::string_view bytes)>;
using SecurityBlockEncoder = std::function<std::string(const SecurityBlockParts& parts)>;
// SignerIdentity with its type byte and 16-bit length, for identity types 1 and 2.
using IdentityEncoder = std::function<std::string(std::uint8_t type, std::uint8_t hash_code, std::string_view hash)>;

struct ConfigSigner {
  PrivateKey key;
  CertificatePtr certificate;
  std::string node_id;                           // which one signs, for a certificate with several
  std::vector<std::string> more_certificates{};  // DER, on the way to the root
};

// A SecurityBlock over `blob`; cert_hash or cert_hash_node_id (SHA-256) by the certificate's number of Node-IDs.
Outcome<std::string> sign_blob(std::string_view blob, const ConfigSigner& signer,
                               const IdentityEncoder& encode_identity, const SecurityBlockEncoder& encode);

enum class BlobForm : std::uint8_t { kNone, kWithIdentity, kBlobAlone };
enum class BlobResult : std::uint8_t {
  kOk,
  kNotSigned,         // no signature element
  kUnparsable,        // not a SecurityBlock
  kNoCertificate,     // none that the identity points to
  kSignerNotAllowed,  // not a Node-ID that may sign this
  kBadSignature,      // or an unsupported algorithm: see `verification`
};
std::string_view to_string(BlobResult result);
struct BlobVerdict {
  BlobResult result = BlobResult::kNotSigned;
  BlobForm form = BlobForm::kNone;
  Verification verification{};
  CertificatePtr signer;  // not yet checked: chain, validity and bad-node are the caller's
  std::string node_id;
  std::vector<std::string> certificates;  // the block's, DER: intermediates for the chain
  explicit operator bool() const { return result == BlobResult::kOk; }
};

// One signature. `allowed` are the Node-IDs of configuration-signer (of the document in force) or kind-signer.
BlobVerdict verify_blob(std::string_view blob, std::string_view security_block, std::span<const std::string> allowed,
                        const SecurityBlockDecoder& decode, CertificateCache& cache);
// The best verdict of several signatures: the first good one, or the first bad one.
BlobVerdict verify_signatures(std::string_view blob, std::span<const ConfigSignature> signatures,
                              std::span<const std::string> allowed, const SecurityBlockDecoder& decode,
                              CertificateCache& cache);

}  // namespace peerscope::reload
