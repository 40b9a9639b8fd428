// SPDX-License-Identifier: GPL-2.0-or-later
// The body of a response that is written bit by bit, as update streams need it: its owner writes pieces, the connection
// takes them as fast as its peer reads. Pieces are shared, so that one text goes to thousands of streams without a
// copy.
//
// Ownership: shared by the writer and the connection. Bounded: what does not fit is refused, and on_drained tells when
// there is room. Failure: after the peer has gone nothing is taken any more. Threading: the server's executor.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace peerscope::net {

class BodyStream {
 public:
  using Piece = std::shared_ptr<const std::string>;

  explicit BodyStream(std::size_t limit = 1024 * 1024) : limit_(limit) {}

  // --- the writer's side ---

  // Whether so many bytes more may wait. An empty queue takes a piece of any size, or a large one could never be sent.
  bool fits(std::size_t size) const { return open() && (queued_ == 0 || queued_ + size <= limit_); }
  // False when it does not fit or nobody reads any more.
  bool write(Piece piece) { return fits(piece->size()) && push(std::move(piece)); }
  bool write(std::string piece) { return write(std::make_shared<const std::string>(std::move(piece))); }
  // Whatever its size; for the few small pieces that must not be lost.
  bool push(Piece piece);
  // Nothing follows: the response is complete when all has been taken.
  void end();
  bool open() const { return !ended_ && !closed_; }
  bool closed() const { return closed_; }
  std::size_t queued() const { return queued_; }  // bytes that the socket has not taken yet

  std::function<void()> on_drained;  // all has been taken; never called inside of write()
  std::function<void()> on_closed;   // the connection is gone; not called after a complete response

  // --- the connection's side ---

  // `wake` is called when there is something to take. It must not take at once.
  void attach(std::function<void()> wake);
  const Piece* next() const { return pieces_.empty() ? nullptr : &pieces_.front(); }
  Piece take();
  // Copies what fits, across pieces.
  std::size_t read(char* to, std::size_t size);
  bool finished() const { return ended_ && pieces_.empty(); }
  // All that was taken is on its way.
  void drained();
  void close();

 private:
  void wake() const {
    if (wake_) wake_();
  }

  std::size_t limit_;
  std::deque<Piece> pieces_;
  std::size_t offset_ = 0;  // into the first piece
  std::size_t queued_ = 0;
  std::function<void()> wake_;
  bool ended_ = false;
  bool closed_ = false;
};

}  // namespace peerscope::net
