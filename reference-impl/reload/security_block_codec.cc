// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/security_block_codec.h"

#include "protocols/reload/protocol.h"

namespace peerscope::reload {

std::optional<SecurityBlockParts> read_security_block(std::string_view bytes) {
  SecurityBlock block;
  if (!decode_part(bytes, block)) return std::nullopt;
  SecurityBlockParts parts;
  for (GenericCertificate& one : block.certificates) {
    if (one.type == kX509) parts.certificates.push_back(std::move(one.certificate));
  }
  SignerIdentity& identity = block.signature.identity;
  parts.code = {block.signature.hash, block.signature.signature};
  parts.identity = encode(identity);
  parts.identity_type = identity.type;
  parts.identity_hash_code = identity.hash_alg;
  parts.identity_hash = identity.hash;
  parts.signature = block.signature.value;
  return parts;
}

std::string write_security_block(const SecurityBlockParts& parts) {
  SecurityBlock block;
  for (const std::string& der : parts.certificates) block.certificates.push_back({kX509, der});
  block.signature = {parts.code.hash, parts.code.signature, {}, parts.signature};
  if (!decode_part(parts.identity, block.signature.identity)) return {};
  return encode_part(block);
}

std::string write_identity(std::uint8_t type, std::uint8_t hash_code, std::string_view hash) {
  SignerIdentity identity{type, hash_code, std::string(hash)};
  return encode(identity);
}

}  // namespace peerscope::reload
