// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes as a certificate, as a certificate request, as a reload URI and as PEM: what comes out is consistent.
#include <openssl/err.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "protocols/reload/security/authority.h"
#include "protocols/reload/security/certificate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerscope::reload;
  const auto demand = [](bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
  };
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static CertificateCache cache(64);
  std::string why;
  const CertificatePtr certificate = cache.get(bytes, &why);
  demand((certificate == nullptr) == !why.empty(), "a reason if and only if there is no certificate");
  demand(cache.get(bytes) == certificate, "the cache gives the same certificate again");
  demand(cache.counts().entries <= 64, "the cache is bounded");
  if (certificate) {
    demand(certificate->der() == bytes, "the bytes are kept as they came");
    demand(!certificate->self_signed() || certificate->self_issued(), "self-signed is self-issued");
    for (const ReloadUri& uri : certificate->node_uris()) {
      demand(uri.node_id.size() >= 16 && uri.node_id.size() <= 20, "Node-IDs have 16 to 20 bytes");
      const auto hash = cert_hash_node_id(tls_hash::kSha1, uri.node_id, certificate->der());
      const auto match = match_identity(*certificate, kIdentityCertHashNodeId, tls_hash::kSha1, *hash);
      demand(match.match == IdentityMatch::kYes, "every Node-ID is found by its own identity");
    }
    certificate->problems();
    for (const std::uint8_t hash : {tls_hash::kSha1, tls_hash::kSha256}) check_self_signed(*certificate, hash, 16);
    const CertificatePtr bucket[] = {certificate};
    const ChainVerdict own = verify_chain(*certificate, bucket, TrustAnchors({certificate}), certificate->not_before());
    demand(own.result == ChainResult::kOk || !own.detail.empty(), "a refusal has a reason");
    for (const std::uint8_t signature : {tls_signature::kRsa, tls_signature::kEcdsa})
      demand(!certificate->verify({tls_hash::kSha256, signature}, "input", bytes.substr(0, 64)), "no chance signature");
  }
  if (const auto csr = parse_csr(bytes)) demand(!csr->spki.empty(), "a request has a key");
  if (const auto uri = parse_reload_uri(bytes); uri && !uri->node_id.empty() && uri->specifier.empty()) {
    const auto again = parse_reload_uri(make_reload_uri(uri->node_id, uri->overlay, uri->form));
    demand(again && again->node_id == uri->node_id && again->form == uri->form, "a URI survives being made again");
  }
  if (const auto list = certificates_from_pem(bytes)) demand(!list->empty(), "PEM gives certificates or fails");
  demand(ERR_peek_error() == 0, "nothing stays in OpenSSL's error queue");
  return 0;
}
