// SPDX-License-Identifier: GPL-2.0-or-later
// What Wireshark's loader looks for in peerscope.so. The declarations come first: a `const` at namespace scope would
// otherwise have internal linkage and the symbol would be missing.
#include "dissectors/epan/registry.h"
#include "dissectors/epan/ws_compat.h"

extern "C" {
WS_DLL_PUBLIC const gchar plugin_version[];
WS_DLL_PUBLIC const int plugin_want_major;
WS_DLL_PUBLIC const int plugin_want_minor;
WS_DLL_PUBLIC void plugin_register(void);
WS_DLL_PUBLIC guint32 plugin_describe(void);

const gchar plugin_version[] = PEERSCOPE_VERSION;
const int plugin_want_major = WIRESHARK_VERSION_MAJOR;
const int plugin_want_minor = WIRESHARK_VERSION_MINOR;

WS_DLL_PUBLIC_DEF void plugin_register(void) {
  static proto_plugin plugin;
  plugin.register_protoinfo = [] { peerscope::epan::register_protocols(); };
  plugin.register_handoff = [] { peerscope::epan::register_handoffs(); };
  proto_register_plugin(&plugin);
}

// Asked from 4.4 on: bit 0 means "dissector". Harmless before.
WS_DLL_PUBLIC_DEF guint32 plugin_describe(void) {
  return 1;
}
}
