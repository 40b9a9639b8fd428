// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/net/body_stream.h"

#include <algorithm>
#include <utility>

namespace peerscope::net {

bool BodyStream::push(Piece piece) {
  if (!open()) return false;
  if (piece->empty()) return true;  // an empty chunk would end the body
  queued_ += piece->size();
  pieces_.push_back(std::move(piece));
  wake();
  return true;
}

void BodyStream::end() {
  if (!open()) return;
  ended_ = true;
  wake();
}

void BodyStream::attach(std::function<void()> wake_up) {
  wake_ = std::move(wake_up);
  if (!pieces_.empty() || ended_) wake();
}

BodyStream::Piece BodyStream::take() {
  Piece out = std::move(pieces_.front());
  pieces_.pop_front();
  return out;
}

std::size_t BodyStream::read(char* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size && !pieces_.empty()) {
    const std::string& piece = *pieces_.front();
    const std::size_t part = std::min(size - done, piece.size() - offset_);
    std::copy_n(piece.data() + offset_, part, to + done);
    done += part;
    offset_ += part;
    if (offset_ < piece.size()) break;
    offset_ = 0;
    pieces_.pop_front();
  }
  return done;
}

void BodyStream::drained() {
  if (!pieces_.empty() || queued_ == 0) return;
  queued_ = 0;
  const auto tell = on_drained;  // which may replace itself
  if (open() && tell) tell();
}

void BodyStream::close() {
  if (closed_) return;
  closed_ = true;
  pieces_.clear();
  queued_ = 0;
  wake_ = nullptr;
  if (const auto tell = std::exchange(on_closed, nullptr)) tell();
}

}  // namespace peerscope::net
