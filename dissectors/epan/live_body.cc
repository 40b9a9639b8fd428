// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/epan/live_body.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace peerscope::epan {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == kNone) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

template <class T>
bool read_whole(std::string_view text, T& out, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc{} && end == text.data() + text.size();
}

struct Head {
  std::size_t end = 0;
  int status = 0;
  std::string_view media_type{};
  std::string_view content_coding{};
  std::string_view transfer_coding{};
  std::optional<std::uint64_t> length{};
};

bool read_header(std::string_view line, Head& head) {
  const std::size_t colon = line.find(':');
  if (colon == kNone) return false;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (same_word(name, "content-type")) {
    head.media_type = trimmed(value.substr(0, value.find(';')));
  } else if (same_word(name, "content-encoding")) {
    head.content_coding = value;
  } else if (same_word(name, "transfer-encoding")) {
    head.transfer_coding = value;
  } else if (same_word(name, "content-length")) {
    std::uint64_t length = 0;
    if (!read_whole(value, length)) return false;
    head.length = length;
  }
  return true;
}

// "HTTP/1.1 200 OK", headers, an empty line.
std::optional<Head> read_head(std::string_view bytes) {
  constexpr std::size_t kLargest = 64 << 10;
  constexpr std::string_view kStart = "HTTP/1.";
  if (!bytes.starts_with(kStart)) return std::nullopt;
  bytes = bytes.substr(0, kLargest);
  Head head;
  bool first = true;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = bytes.find('\n', at);
    if (end == kNone) return std::nullopt;
    const std::string_view line = trimmed(bytes.substr(at, end - at));
    at = end + 1;
    if (line.empty()) {
      head.end = at;
      return head;
    }
    if (!first && !read_header(line, head)) return std::nullopt;
    constexpr std::size_t kStatus = kStart.size() + 2;
    if (first && (line.size() < kStatus + 3 || !read_whole(line.substr(kStatus, 3), head.status))) return std::nullopt;
    first = false;
  }
  return std::nullopt;
}

std::optional<LiveHead> live(const Head& head) {
  LiveHead out;
  out.end = head.end;
  if (!head.transfer_coding.empty()) {
    if (!same_word(head.transfer_coding, "chunked")) return std::nullopt;
    out.framing = Framing::kChunked;
  } else if (head.length) {
    out.framing = Framing::kLength;
    out.length = *head.length;
  }
  for (const std::string_view coding : {"gzip", "x-gzip", "deflate"}) {
    if (same_word(head.content_coding, coding)) out.coding = Coding::kInflate;
  }
  if (out.coding == Coding::kNone && !head.content_coding.empty() && !same_word(head.content_coding, "identity"))
    return std::nullopt;
  return out;
}

// Bytes of a body that comes with a head whose end is not told by the body itself.
std::optional<std::uint64_t> plain_length(const Head& head) {
  constexpr int kNoContent = 204;
  constexpr int kNotModified = 304;
  if (head.status / 100 == 1 || head.status == kNoContent || head.status == kNotModified) return 0;
  return head.transfer_coding.empty() ? head.length : std::nullopt;
}

}  // namespace

std::optional<LiveHead> find_live_head(std::string_view bytes, std::string_view media_type) {
  constexpr int kOk = 200;
  for (std::size_t from = 0; from < bytes.size();) {
    const auto head = read_head(bytes.substr(from));
    if (!head) return std::nullopt;
    if (head->status == kOk && same_word(head->media_type, media_type)) {
      auto found = live(*head);
      if (found) found->end += from;
      return found;
    }
    const auto length = plain_length(*head);
    if (!length || *length > bytes.size() - from - head->end) return std::nullopt;
    from += head->end + static_cast<std::size_t>(*length);
  }
  return std::nullopt;
}

std::size_t EventBoundary::feed(std::string_view text) {
  std::size_t complete = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n' && after_cr_) {  // the second half of a line's end
      after_cr_ = false;
      if (!in_event_ && complete == i) complete = i + 1;
      continue;
    }
    after_cr_ = c == '\r';
    if (c != '\n' && c != '\r') {
      if (!in_line_) in_comment_ = c == ':';
      in_line_ = true;
      // Whole lines at once: data of events is long.
      const std::size_t end = text.find_first_of("\r\n", i);
      i = (end == kNone ? text.size() : end) - 1;
      continue;
    }
    if (!in_line_)
      in_event_ = false;
    else if (!in_comment_)
      in_event_ = true;
    in_line_ = false;
    if (!in_event_) complete = i + 1;
  }
  return complete;
}

struct LiveBody::Inflater {
  Inflater() {
    constexpr int kZlibOrGzip = 32 + 15;
    ready = inflateInit2(&stream, kZlibOrGzip) == Z_OK;
  }
  ~Inflater() {
    if (ready) inflateEnd(&stream);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream stream{};
  bool ready = false;
};

LiveBody::LiveBody(const LiveHead& head)
    : framing_(head.framing),
      coding_(head.coding),
      state_(head.framing == Framing::kChunked ? State::kSize : State::kData),
      left_(head.length) {
  if (framing_ == Framing::kLength && left_ == 0) state_ = State::kEnded;
}

// Adds to line_ up to the line's end.
std::size_t LiveBody::take_line(std::string_view wire, bool& complete) {
  constexpr std::size_t kLongest = 8 << 10;
  const std::size_t end = wire.find('\n');
  complete = end != kNone;
  const std::size_t used = complete ? end + 1 : wire.size();
  if (line_.size() + used > kLongest) {
    state_ = State::kBroken;
    return 0;
  }
  line_ += wire.substr(0, used);
  return used;
}

void LiveBody::begin_chunk() {
  const std::string_view size = trimmed(std::string_view(line_).substr(0, line_.find_first_of(";\n")));
  constexpr int kHexadecimal = 16;
  if (!read_whole(size, left_, kHexadecimal))
    state_ = State::kBroken;
  else
    state_ = left_ > 0 ? State::kData : State::kTrailer;
  line_.clear();
}

void LiveBody::end_line_of_trailer() {
  if (line_ == "\n" || line_ == "\r\n") state_ = State::kEnded;
  line_.clear();
}

bool LiveBody::inflate(std::string_view data) {
  if (inflater_ == nullptr) inflater_ = std::make_shared<Inflater>();
  z_stream& stream = inflater_->stream;
  if (!inflater_->ready) return false;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  std::array<char, 16 << 10> out{};
  for (bool more = true; more;) {
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = out.size();
    const int result = ::inflate(&stream, Z_SYNC_FLUSH);
    const std::size_t made = out.size() - stream.avail_out;
    text_.append(out.data(), made);
    total_ += made;
    if ((result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) || total_ > kMostText) return false;
    more = result == Z_OK && stream.avail_out == 0;
  }
  return true;
}

void LiveBody::take_data(std::string_view data, std::size_t offset) {
  constexpr char kGzip = '\x1f';
  if (coding_ == Coding::kByFirstByte) coding_ = data.front() == kGzip ? Coding::kInflate : Coding::kNone;
  if (coding_ == Coding::kInflate) {
    if (!inflate(data)) state_ = State::kBroken;
    return;
  }
  if (runs_++ == 0) run_at_ = offset;
  text_ += data;
  total_ += data.size();
  if (total_ > kMostText) state_ = State::kBroken;
}

Portion LiveBody::read(std::string_view wire) {
  text_.erase(0, given_);
  given_ = 0;
  runs_ = 0;
  const std::size_t before = text_.size();
  Portion out;
  while (out.used < wire.size() && state_ != State::kEnded && state_ != State::kBroken) {
    const std::string_view rest = wire.substr(out.used);
    if (state_ == State::kData) {
      const bool bounded = framing_ == Framing::kChunked || framing_ == Framing::kLength;
      const auto size = static_cast<std::size_t>(bounded ? std::min<std::uint64_t>(left_, rest.size()) : rest.size());
      take_data(rest.substr(0, size), out.used);
      out.used += size;
      if (bounded) left_ -= size;
      if (bounded && left_ == 0 && state_ == State::kData)
        state_ = framing_ == Framing::kChunked ? State::kDataEnd : State::kEnded;
      continue;
    }
    bool complete = false;
    out.used += take_line(rest, complete);
    if (!complete || state_ == State::kBroken) continue;
    if (state_ == State::kSize) {
      begin_chunk();
    } else if (state_ == State::kDataEnd) {
      state_ = line_ == "\n" || line_ == "\r\n" ? State::kSize : State::kBroken;
      line_.clear();
    } else {
      end_line_of_trailer();
    }
  }
  const std::size_t complete = boundary_.feed(std::string_view(text_).substr(before));
  if (complete > 0) given_ = before + complete;
  out.text = std::string_view(text_).substr(0, given_);
  out.unfinished = text_.size() - given_;
  if (before == 0 && runs_ == 1) out.place = run_at_;
  return out;
}

}  // namespace peerscope::epan
