// SPDX-License-Identifier: GPL-2.0-or-later
// The only header that includes Wireshark's and that knows its versions. Order matters: many epan headers compile only
// behind <wireshark.h> and <epan/packet.h>. The second group has no `extern "C"` guard of its own.
#pragma once

#include <wireshark.h>

#include <epan/packet.h>

#include <epan/charsets.h>
#include <epan/conversation.h>
#include <epan/conversation_filter.h>
#include <epan/conversation_table.h>
#include <epan/expert.h>
#include <epan/exported_pdu.h>
#include <epan/prefs.h>
#include <epan/proto_data.h>
#include <epan/srt_table.h>
#include <epan/stats_tree.h>
#include <epan/tap.h>
#include <epan/to_str.h>

extern "C" {
#include <epan/dissectors/packet-http.h>
#include <epan/dissectors/packet-tcp.h>
#include <epan/reassemble.h>

// Declared in a header that needs GnuTLS's.
WS_DLL_PUBLIC void tls_set_appdata_dissector(dissector_handle_t tls_handle, packet_info* pinfo,
                                             dissector_handle_t app_handle);
}

#if WIRESHARK_VERSION_MAJOR < 4
#error "Peerscope needs Wireshark 4.0 or later"
#endif

namespace peerscope::epan {

#if WIRESHARK_VERSION_MAJOR > 4 || WIRESHARK_VERSION_MINOR >= 4
using HeuristicResult = bool;  // heuristics and boolean preferences changed their type in 4.4
using PreferenceBool = bool;
#else
using HeuristicResult = gboolean;
using PreferenceBool = gboolean;
#endif

// From a heuristic of the list "tls": the rest of the session goes to `handle`, as a stream.
inline void take_tls_session([[maybe_unused]] void* data, [[maybe_unused]] dissector_handle_t handle) {
#if WIRESHARK_VERSION_MAJOR == 4 && WIRESHARK_VERSION_MINOR == 0
  if (data != nullptr) *static_cast<dissector_handle_t*>(data) = handle;
#endif
}

}  // namespace peerscope::epan
