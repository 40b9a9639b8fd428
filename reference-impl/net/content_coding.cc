// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/net/content_coding.h"

#include <zlib.h>

#include <array>
#include <vector>

#include "reference-impl/net/http.h"

namespace peerscope::net {
namespace {

constexpr int kWindow = 15;
constexpr int kGzip = 16 + kWindow;  // zlib's ways to name the header
constexpr int kZlib = kWindow;
constexpr int kBare = -kWindow;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Result<std::string> inflate_all(std::string_view bytes, int window, std::size_t limit) {
  z_stream stream{};
  if (inflateInit2(&stream, window) != Z_OK) return {ErrorKind::kLocal, "zlib cannot start"};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  std::array<char, 16384> piece{};
  int state = Z_OK;
  while (state == Z_OK && out.size() <= limit) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = piece.size();
    state = inflate(&stream, Z_NO_FLUSH);
    out.append(piece.data(), piece.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (out.size() > limit)
    return {ErrorKind::kTooLarge, "the body is larger than " + std::to_string(limit) + " bytes when decompressed"};
  if (state != Z_STREAM_END) return {ErrorKind::kMalformed, "the compressed body is broken or cut short"};
  return out;
}

Result<std::string> decode_one(std::string_view coding, std::string_view bytes, std::size_t limit) {
  if (iequals(coding, "identity")) return std::string(bytes);
  if (iequals(coding, "gzip") || iequals(coding, "x-gzip")) return inflate_all(bytes, kGzip, limit);
  if (iequals(coding, "deflate")) {
    // Some send the bare data without the header of zlib that RFC 9110 wants.
    auto out = inflate_all(bytes, kZlib, limit);
    if (out || out.error().kind != ErrorKind::kMalformed) return out;
    return inflate_all(bytes, kBare, limit);
  }
  return {ErrorKind::kMalformed, "the body has the content coding " + std::string(coding) + ", which is not read here"};
}

}  // namespace

Result<std::string> decode_content(std::string_view content_encoding, std::string_view bytes, std::size_t limit) {
  constexpr std::size_t kMostCodings = 4;
  std::vector<std::string_view> codings;
  while (!content_encoding.empty()) {
    const std::size_t comma = content_encoding.find(',');
    const std::string_view coding = trimmed(content_encoding.substr(0, comma));
    if (!coding.empty()) codings.push_back(coding);
    content_encoding.remove_prefix(comma == std::string_view::npos ? content_encoding.size() : comma + 1);
  }
  if (codings.size() > kMostCodings) return {ErrorKind::kMalformed, "the body has more than four content codings"};
  std::string out(bytes);
  for (auto coding = codings.rbegin(); coding != codings.rend(); ++coding) {
    auto decoded = decode_one(*coding, out, limit);
    if (!decoded) return decoded;
    out = std::move(*decoded);
  }
  return out;
}

Result<std::string> gzip(std::string_view bytes) {
  z_stream stream{};
  constexpr int kMemory = 8;
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
    return {ErrorKind::kLocal, "zlib cannot start"};
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int state = deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  if (state != Z_STREAM_END) return {ErrorKind::kLocal, "zlib could not compress"};
  return out;
}

}  // namespace peerscope::net
