// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/security/certificate.h"

#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <list>
#include <mutex>
#include <unordered_map>

#include "protocols/reload/security/certificate_impl.h"
#include "protocols/reload/security/openssl.h"
#include "protocols/reload/security/text.h"

namespace peerscope::reload {

using openssl::ErrorScope;
using openssl::octets;

namespace {

constexpr std::string_view kScheme = "reload://";
// Our own limit: cert_hash_node_id makes the verifier hash the whole certificate once for each Node-ID.
constexpr std::size_t kMaxNodeIds = 64;
constexpr int kMaxChainDepth = 8;

bool has_reload_scheme(std::string_view uri) {
  // RFC 3986 section 3.1: schemes do not know case.
  return uri.size() >= kScheme.size() && std::equal(kScheme.begin(), kScheme.end(), uri.begin(), [](char a, char b) {
           return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32) : b);
         });
}

bool node_id_length_fits(std::size_t length, std::size_t wanted) {
  return wanted == 0 ? length >= 16 && length <= 20 : length == wanted;
}

// The only entry of a Destination List if that is a node: type 1, length, Node-ID (section 6.3.2.2).
std::optional<std::string> single_node(std::string_view destination, std::size_t node_id_length) {
  if (destination.size() < 2 || destination[0] != 1) return std::nullopt;
  const std::size_t length = static_cast<unsigned char>(destination[1]);
  if (length != destination.size() - 2 || !node_id_length_fits(length, node_id_length)) return std::nullopt;
  return std::string(destination.substr(2));
}

// One entry of a Destination List, of whatever type: not to be taken for a bare Node-ID.
bool is_destination(std::string_view bytes) {
  return bytes.size() >= 2 && bytes[0] >= 1 && bytes[0] <= 3 &&
         static_cast<unsigned char>(bytes[1]) == bytes.size() - 2;
}

std::string to_text(const ASN1_STRING* string) {
  if (string == nullptr) return {};
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string to_text(const X509_NAME* name) {
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || name == nullptr || X509_NAME_entry_count(name) == 0) return {};
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  return openssl::contents(bio.get());
}

std::string to_text(GENERAL_NAME* name) {
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || GENERAL_NAME_print(bio.get(), name) != 1) return "unreadable name";
  return openssl::contents(bio.get());
}

std::optional<std::int64_t> to_seconds(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return timegm(&parts);
}

void read_names(Certificate::Impl& impl, GENERAL_NAMES* names, std::size_t node_id_length) {
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_EMAIL) {
      impl.user_names.push_back(to_text(name->d.rfc822Name));
      continue;
    }
    const std::string uri = name->type == GEN_URI ? to_text(name->d.uniformResourceIdentifier) : std::string();
    if (!has_reload_scheme(uri)) {
      impl.other_names.push_back(to_text(name));
      continue;
    }
    auto parsed = parse_reload_uri(uri, node_id_length);
    if (!parsed) {
      impl.uri_problems.push_back(uri + ": " + parsed.message());
    } else if (parsed->node_id.empty()) {
      impl.uri_problems.push_back(uri + ": not a Destination List with one node");
    } else if (impl.node_uris.size() == kMaxNodeIds) {
      impl.too_many_nodes = true;
    } else {
      if (!parsed->specifier.empty()) impl.uri_problems.push_back(uri + ": a specifier follows the node");
      impl.node_uris.push_back(*std::move(parsed));
    }
  }
}

}  // namespace

std::string_view to_string(ReloadUriForm form) {
  switch (form) {
    case ReloadUriForm::kStandard:
      return "as in RFC 6940 section 14.15";
    case ReloadUriForm::kNoFinalSlash:
      return "without the final slash";
    case ReloadUriForm::kBareNodeId:
      return "bare Node-ID instead of a Destination List, without the final slash";
    case ReloadUriForm::kBareNodeIdAndSlash:
      return "bare Node-ID instead of a Destination List";
  }
  return {};
}

Outcome<ReloadUri> parse_reload_uri(std::string_view text, std::size_t node_id_length) {
  if (!has_reload_scheme(text)) return Failure("not a reload URI");
  ReloadUri uri;
  uri.text = text;
  std::string_view rest = text.substr(kScheme.size());
  const std::size_t at = rest.find('@');
  if (at == std::string_view::npos) return Failure("no '@' in the reload URI");
  auto destination = text::from_hex(rest.substr(0, at));
  if (!destination || destination->empty()) return Failure("the destination is not hex");
  uri.destination = *std::move(destination);
  rest = rest.substr(at + 1);
  const std::size_t slash = rest.find('/');
  const bool has_slash = slash != std::string_view::npos;
  uri.overlay = rest.substr(0, slash);
  if (uri.overlay.empty()) return Failure("no overlay name in the reload URI");
  for (const char c : uri.overlay) {
    if (c <= ' ' || c >= 0x7f) return Failure("the overlay name has characters that a URI cannot have");
  }
  if (has_slash) {
    auto specifier = text::from_hex(rest.substr(slash + 1));
    if (!specifier) return Failure("the specifier is not hex");
    uri.specifier = *std::move(specifier);
  }
  if (auto node = single_node(uri.destination, node_id_length)) {
    uri.form = has_slash ? ReloadUriForm::kStandard : ReloadUriForm::kNoFinalSlash;
    uri.node_id = *std::move(node);
  } else if (node_id_length_fits(uri.destination.size(), node_id_length) &&
             (node_id_length != 0 || !is_destination(uri.destination))) {
    uri.form = has_slash ? ReloadUriForm::kBareNodeIdAndSlash : ReloadUriForm::kBareNodeId;
    uri.node_id = uri.destination;
  }
  return uri;
}

std::string make_reload_uri(std::string_view node_id, std::string_view overlay, ReloadUriForm form) {
  const bool bare = form == ReloadUriForm::kBareNodeId || form == ReloadUriForm::kBareNodeIdAndSlash;
  const bool slash = form == ReloadUriForm::kStandard || form == ReloadUriForm::kBareNodeIdAndSlash;
  std::string destination;
  if (!bare) destination.append({'\x01', static_cast<char>(node_id.size())});
  destination += node_id;
  return std::string(kScheme) + text::to_hex(destination) + "@" + std::string(overlay) + (slash ? "/" : "");
}

Certificate::Certificate(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Certificate::~Certificate() = default;

Outcome<CertificatePtr> Certificate::parse(std::string_view der, std::size_t node_id_length) {
  if (der.empty()) return Failure("no bytes");
  if (der.size() > kMaxCertificateSize) return Failure("longer than 65535 bytes");
  const ErrorScope errors;
  auto impl = std::make_unique<Impl>();
  const unsigned char* at = octets(der);
  impl->x509.reset(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!impl->x509) return Failure("not an X.509 certificate: " + ErrorScope::last());
  if (at != octets(der) + der.size()) return Failure("bytes follow the certificate");
  X509* x509 = impl->x509.get();
  impl->der = der;
  impl->fingerprint = sha256(der);

  const auto not_before = to_seconds(X509_get0_notBefore(x509));
  const auto not_after = to_seconds(X509_get0_notAfter(x509));
  if (!not_before || !not_after) return Failure("the validity is not readable");
  impl->not_before = *not_before;
  impl->not_after = *not_after;

  const X509_NAME* subject = X509_get_subject_name(x509);
  const X509_NAME* issuer = X509_get_issuer_name(x509);
  impl->subject_empty = X509_NAME_entry_count(subject) == 0;
  impl->subject = to_text(subject);
  impl->issuer = to_text(issuer);
  impl->serial = text::to_hex(to_text(X509_get0_serialNumber(x509)));
  impl->spki = openssl::to_der(X509_get_X509_PUBKEY(x509), i2d_X509_PUBKEY);
  impl->public_key = openssl::make_public_key(X509_get0_pubkey(x509));

  // Reads and keeps the extensions, which X509_verify_cert needs anyway.
  if (X509_check_purpose(x509, -1, 0) != 1 || (X509_get_extension_flags(x509) & EXFLAG_INVALID) != 0)
    return Failure("an extension is malformed");
  impl->is_ca = (X509_get_extension_flags(x509) & EXFLAG_CA) != 0;
  int place = 0;
  const openssl::GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, &place, nullptr)));
  if (!names && place != -1) return Failure("subjectAltName is malformed or there twice");
  if (names) read_names(*impl, names.get(), node_id_length);

  int hash = NID_undef;
  X509_get_signature_info(x509, &hash, nullptr, nullptr, nullptr);
  impl->hash_nid = hash;
  impl->self_issued = X509_NAME_cmp(subject, issuer) == 0;
  impl->self_signed = impl->self_issued && impl->public_key.usable() && X509_verify(x509, X509_get0_pubkey(x509)) == 1;
  return CertificatePtr(std::make_shared<const Certificate>(std::move(impl)));
}

const std::string& Certificate::der() const {
  return impl_->der;
}
const std::string& Certificate::fingerprint() const {
  return impl_->fingerprint;
}
const std::vector<ReloadUri>& Certificate::node_uris() const {
  return impl_->node_uris;
}
std::vector<std::string> Certificate::node_ids() const {
  std::vector<std::string> ids;
  for (const ReloadUri& uri : impl_->node_uris) ids.push_back(uri.node_id);
  return ids;
}
bool Certificate::has_node_id(std::string_view node_id) const {
  return std::any_of(impl_->node_uris.begin(), impl_->node_uris.end(),
                     [&](const ReloadUri& uri) { return uri.node_id == node_id; });
}
const std::string& Certificate::user_name() const {
  static const std::string kNone;
  return impl_->user_names.size() == 1 ? impl_->user_names.front() : kNone;
}
const std::vector<std::string>& Certificate::user_names() const {
  return impl_->user_names;
}
const std::vector<std::string>& Certificate::other_names() const {
  return impl_->other_names;
}
const std::string& Certificate::subject() const {
  return impl_->subject;
}
const std::string& Certificate::issuer() const {
  return impl_->issuer;
}
const std::string& Certificate::serial() const {
  return impl_->serial;
}
std::int64_t Certificate::not_before() const {
  return impl_->not_before;
}
std::int64_t Certificate::not_after() const {
  return impl_->not_after;
}
bool Certificate::is_ca() const {
  return impl_->is_ca;
}
bool Certificate::self_issued() const {
  return impl_->self_issued;
}
bool Certificate::self_signed() const {
  return impl_->self_signed;
}
bool Certificate::sha1_signed() const {
  return impl_->hash_nid == NID_sha1;
}
const std::string& Certificate::spki() const {
  return impl_->spki;
}
const PublicKey& Certificate::public_key() const {
  return impl_->public_key;
}

std::vector<CertificateProblem> Certificate::problems() const {
  std::vector<CertificateProblem> found;
  for (const std::string& text : impl_->uri_problems) found.push_back({"R-ENR-05", text});
  if (impl_->node_uris.empty()) found.push_back({"R-ENR-05", "no reload URI that names a node in subjectAltName"});
  for (const ReloadUri& uri : impl_->node_uris) {
    if (uri.form != ReloadUriForm::kStandard)
      found.push_back({"R-ENR-05", uri.text + ": " + std::string(to_string(uri.form))});
  }
  if (impl_->too_many_nodes) found.push_back({"", "more than 64 Node-IDs: those after the 64th are not looked at"});
  if (impl_->user_names.size() != 1)
    found.push_back({"R-ENR-06", std::to_string(impl_->user_names.size()) + " rfc822Names instead of one"});
  for (const std::string& name : impl_->user_names) {
    if (name.empty() || std::any_of(name.begin(), name.end(), [](char c) { return c < ' ' || c == 0x7f; }))
      found.push_back({"R-ENR-06", "the rfc822Name is empty or has characters that are no text"});
  }
  for (const std::string& name : impl_->other_names)
    found.push_back({"R-ENR-06", "another name in subjectAltName: " + name});
  if (!impl_->subject_empty) found.push_back({"R-ENR-07", "the subject is not empty: " + impl_->subject});
  return found;
}

struct CertificateCache::State {
  struct Entry {
    std::string key;
    CertificatePtr certificate;
    std::string why;
  };
  std::mutex mutex;
  std::list<Entry> entries;  // most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> index;
  std::size_t capacity = 0;
  std::size_t node_id_length = 0;
  Counts counts;
};

CertificateCache::CertificateCache(std::size_t capacity, std::size_t node_id_length)
    : state_(std::make_unique<State>()) {
  state_->capacity = std::max<std::size_t>(capacity, 1);
  state_->node_id_length = node_id_length;
}
CertificateCache::~CertificateCache() = default;

CertificatePtr CertificateCache::get(std::string_view der, std::string* why) {
  if (der.size() > kMaxCertificateSize) {
    if (why != nullptr) *why = "longer than 65535 bytes";
    return nullptr;
  }
  std::string key = sha256(der);
  {
    const std::lock_guard lock(state_->mutex);
    if (const auto found = state_->index.find(key); found != state_->index.end()) {
      ++state_->counts.hits;
      state_->entries.splice(state_->entries.begin(), state_->entries, found->second);
      if (why != nullptr) *why = found->second->why;
      return found->second->certificate;
    }
    ++state_->counts.misses;
  }
  // Parsed outside of the lock: two threads may do the same work once.
  auto parsed = Certificate::parse(der, state_->node_id_length);
  State::Entry entry{std::move(key), parsed ? *parsed : nullptr, parsed.message()};
  if (why != nullptr) *why = entry.why;
  CertificatePtr certificate = entry.certificate;
  const std::lock_guard lock(state_->mutex);
  if (state_->index.contains(entry.key)) return certificate;
  state_->entries.push_front(std::move(entry));
  state_->index.emplace(state_->entries.front().key, state_->entries.begin());
  if (state_->entries.size() > state_->capacity) {
    state_->index.erase(state_->entries.back().key);
    state_->entries.pop_back();
  }
  return certificate;
}

CertificateCache::Counts CertificateCache::counts() const {
  const std::lock_guard lock(state_->mutex);
  Counts counts = state_->counts;
  counts.entries = state_->entries.size();
  return counts;
}

Verification verify(CertificateCache& cache, SignatureCode code, std::string_view der, std::string_view input,
                    std::string_view signature) {
  const CertificatePtr certificate = cache.get(der);
  if (!certificate) return {VerifyResult::kUnparsableCertificate, code.hash == tls_hash::kSha1};
  return certificate->verify(code, input, signature);
}

Outcome<std::vector<std::string>> certificates_from_pem(std::string_view pem) {
  if (pem.size() > 16U << 20) return Failure("more than 16 MiB of PEM text");
  const ErrorScope errors;
  const openssl::Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return Failure("no memory");
  std::vector<std::string> certificates;
  while (true) {
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* bytes = nullptr;
    long size = 0;
    if (PEM_read_bio(bio.get(), &name, &header, &bytes, &size) != 1) {
      if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) break;
      return Failure("damaged PEM text: " + ErrorScope::last());
    }
    const std::string_view type(name);
    if (type == PEM_STRING_X509 || type == PEM_STRING_X509_OLD)
      certificates.emplace_back(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(bytes);
  }
  if (certificates.empty()) return Failure("no certificate in the PEM text");
  return certificates;
}

std::string certificate_to_pem(std::string_view der) {
  const ErrorScope errors;
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio(bio.get(), PEM_STRING_X509, "", octets(der), static_cast<long>(der.size())) <= 0) return {};
  return openssl::contents(bio.get());
}

std::optional<std::string> cert_hash(std::uint8_t hash, std::string_view der) {
  return digest(hash, {der});
}

std::optional<std::string> cert_hash_node_id(std::uint8_t hash, std::string_view node_id, std::string_view der) {
  return digest(hash, {node_id, der});
}

IdentityResult match_identity(const Certificate& certificate, std::uint8_t identity_type, std::uint8_t hash,
                              std::string_view identity_hash) {
  if (identity_type != kIdentityCertHash && identity_type != kIdentityCertHashNodeId)
    return {IdentityMatch::kUnsupportedType, {}};
  if (openssl::message_digest(hash) == nullptr) return {IdentityMatch::kUnsupportedHash, {}};
  const std::vector<ReloadUri>& nodes = certificate.node_uris();
  if (identity_type == kIdentityCertHash) {
    // The cache's own key saves hashing the certificate for each message.
    const std::string own = hash == tls_hash::kSha256 ? certificate.fingerprint()
                                                      : cert_hash(hash, certificate.der()).value_or(std::string());
    if (own.empty() || own != identity_hash) return {};
    return {IdentityMatch::kYes, nodes.size() == 1 ? nodes.front().node_id : std::string()};
  }
  for (const ReloadUri& node : nodes) {
    const auto own = cert_hash_node_id(hash, node.node_id, certificate.der());
    if (own && *own == identity_hash) return {IdentityMatch::kYes, node.node_id};
  }
  return {};
}

CertificatePtr find_signer(std::span<const CertificatePtr> certificates, std::uint8_t identity_type, std::uint8_t hash,
                           std::string_view identity_hash, IdentityResult* result) {
  IdentityResult last;
  CertificatePtr signer;
  for (const CertificatePtr& certificate : certificates) {
    if (!certificate) continue;
    last = match_identity(*certificate, identity_type, hash, identity_hash);
    if (last.match != IdentityMatch::kYes) continue;
    signer = certificate;
    break;
  }
  if (result != nullptr) *result = last;
  return signer;
}

std::optional<std::string> self_signed_node_id(std::uint8_t hash, std::string_view spki, std::size_t node_id_length,
                                               std::uint32_t index) {
  std::string prefix;
  if (index > 0) {
    for (int shift = 24; shift >= 0; shift -= 8) prefix += static_cast<char>(index >> shift & 255);
  }
  auto node_id = digest(hash, {prefix, spki});
  if (!node_id || node_id->size() < node_id_length) return std::nullopt;
  node_id->resize(node_id_length);
  return node_id;
}

std::string_view to_string(SelfSignedResult result) {
  switch (result) {
    case SelfSignedResult::kOk:
      return "the Node-IDs are those of the key";
    case SelfSignedResult::kNotSelfSigned:
      return "not signed by its own key";
    case SelfSignedResult::kNoNodeId:
      return "names no node";
    case SelfSignedResult::kWrongLength:
      return "a Node-ID is not of the overlay's length";
    case SelfSignedResult::kNodeIdMismatch:
      return "a Node-ID is not the digest of the key";
    case SelfSignedResult::kUnsupportedDigest:
      return "the overlay's digest for Node-IDs is not supported";
  }
  return {};
}

SelfSignedResult check_self_signed(const Certificate& certificate, std::uint8_t hash, std::size_t node_id_length) {
  // Only these two are valid in self-signed-permitted.
  if (hash != tls_hash::kSha1 && hash != tls_hash::kSha256) return SelfSignedResult::kUnsupportedDigest;
  if (!certificate.self_signed()) return SelfSignedResult::kNotSelfSigned;
  std::vector<std::string> ids = certificate.node_ids();
  if (ids.empty()) return SelfSignedResult::kNoNodeId;
  for (const std::string& id : ids) {
    if (id.size() != node_id_length) return SelfSignedResult::kWrongLength;
  }
  std::vector<std::string> wanted;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    auto id = self_signed_node_id(hash, certificate.spki(), node_id_length,
                                  ids.size() == 1 ? 0 : static_cast<std::uint32_t>(i + 1));
    if (!id) return SelfSignedResult::kUnsupportedDigest;
    wanted.push_back(*std::move(id));
  }
  std::sort(ids.begin(), ids.end());
  std::sort(wanted.begin(), wanted.end());
  return ids == wanted ? SelfSignedResult::kOk : SelfSignedResult::kNodeIdMismatch;
}

std::string_view to_string(ChainResult result) {
  switch (result) {
    case ChainResult::kOk:
      return "chains to a root certificate";
    case ChainResult::kExpired:
      return "expired";
    case ChainResult::kNotYetValid:
      return "not yet valid";
    case ChainResult::kUntrusted:
      return "does not lead to a root certificate";
    case ChainResult::kBadSignature:
      return "a signature in the chain is bad";
    case ChainResult::kNotCa:
      return "issued by a certificate that may not issue";
    case ChainResult::kTooLong:
      return "the chain is too long";
    case ChainResult::kOther:
      return "not acceptable";
  }
  return {};
}

namespace {

ChainResult chain_result(int error) {
  switch (error) {
    case X509_V_OK:
      return ChainResult::kOk;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return ChainResult::kExpired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return ChainResult::kNotYetValid;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
      return ChainResult::kUntrusted;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
    case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
    case X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH:
      return ChainResult::kBadSignature;
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
      return ChainResult::kNotCa;
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
      return ChainResult::kTooLong;
    default:
      return ChainResult::kOther;
  }
}

using StackPtr = std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)>;

// Borrows the certificates: the stack must not outlive them.
StackPtr to_stack(std::span<const CertificatePtr> certificates) {
  StackPtr stack(sk_X509_new_null(), [](STACK_OF(X509) * s) { sk_X509_free(s); });
  for (const CertificatePtr& certificate : certificates) {
    if (stack && certificate) sk_X509_push(stack.get(), certificate->impl().x509.get());
  }
  return stack;
}

}  // namespace

ChainVerdict verify_chain(const Certificate& leaf, std::span<const CertificatePtr> intermediates,
                          const TrustAnchors& anchors, std::int64_t now) {
  ChainVerdict verdict;
  if (anchors.empty()) {
    verdict.result = ChainResult::kUntrusted;
    verdict.detail = "there are no root certificates";
    return verdict;
  }
  const ErrorScope errors;
  const StackPtr trusted = to_stack(anchors.roots());
  const StackPtr untrusted = to_stack(intermediates);
  const openssl::StoreCtxPtr context(X509_STORE_CTX_new());
  if (!trusted || !untrusted || !context ||
      X509_STORE_CTX_init(context.get(), nullptr, leaf.impl().x509.get(), untrusted.get()) != 1) {
    verdict.detail = "no memory";
    return verdict;
  }
  X509_STORE_CTX_set0_trusted_stack(context.get(), trusted.get());
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(now));
  X509_VERIFY_PARAM_set_depth(param, kMaxChainDepth);
  // A root-cert need not be self-signed to be an anchor (section 11.1).
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  // SHA-1 is still in use among RELOAD nodes; the verdict tells it. MD5 is refused below.
  X509_VERIFY_PARAM_set_auth_level(param, 0);
  const bool good = X509_verify_cert(context.get()) == 1;
  const int error = X509_STORE_CTX_get_error(context.get());
  verdict.depth = X509_STORE_CTX_get_error_depth(context.get());
  verdict.result = good ? ChainResult::kOk : chain_result(error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error);
  if (!good) {
    const X509* current = X509_STORE_CTX_get_current_cert(context.get());
    const std::string name = current == nullptr ? std::string() : to_text(X509_get_subject_name(current));
    verdict.detail = std::string(X509_verify_cert_error_string(error)) + " (" +
                     (verdict.depth == 0 ? "the certificate itself" : "issuer " + std::to_string(verdict.depth)) +
                     (name.empty() ? ")" : ", " + name + ")");
    return verdict;
  }
  verdict.depth = 0;
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 0; i + 1 < sk_X509_num(chain); ++i) {
    int hash = NID_undef;
    X509_get_signature_info(sk_X509_value(chain, i), &hash, nullptr, nullptr, nullptr);
    verdict.sha1 = verdict.sha1 || hash == NID_sha1;
    if (hash != NID_md5 && hash != NID_md5_sha1 && hash != NID_md4 && hash != NID_md2) continue;
    verdict.result = ChainResult::kBadSignature;
    verdict.depth = i;
    verdict.detail = "signed with a broken hash";
    return verdict;
  }
  return verdict;
}

}  // namespace peerscope::reload
