// SPDX-License-Identifier: GPL-2.0-or-later
// Names of error kinds.
#include "reference-impl/net/result.h"

namespace peerscope::net {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kRefused:
      return "refused";
    case ErrorKind::kUnreachable:
      return "unreachable";
    case ErrorKind::kTimeout:
      return "timeout";
    case ErrorKind::kClosed:
      return "closed";
    case ErrorKind::kReset:
      return "reset";
    case ErrorKind::kTls:
      return "tls";
    case ErrorKind::kTooLarge:
      return "too large";
    case ErrorKind::kMalformed:
      return "malformed";
    case ErrorKind::kResolve:
      return "resolve";
    case ErrorKind::kAddressInUse:
      return "address in use";
    case ErrorKind::kCancelled:
      return "cancelled";
    case ErrorKind::kLocal:
      return "local";
  }
  return "local";
}

}  // namespace peerscope::net
