// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes as a configuration document and as kind-blocks: blobs are where the document says, and what is written
// again reads the same.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "protocols/reload/config/document.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerscope::reload;
  const auto demand = [](bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
  };
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto blob_holds = [&](const std::string& blob, std::size_t offset) {
    return blob.empty() ||
           (offset <= size && bytes.substr(offset, blob.size()) == blob && blob.front() == '<' && blob.back() == '>');
  };
  ConfigDocument document = read_config_document(bytes, {{}, 1700000000});
  demand(document.well_formed || document.configurations.empty(), "nothing out of what is not well-formed");
  demand(document.well_formed || !document.diagnostics.empty(), "a reason for what is not well-formed");
  for (const SignedConfiguration& c : document.configurations) {
    demand(!c.blob.empty() && blob_holds(c.blob, c.offset), "the configuration's bytes");
    for (const KindBlock& block : c.configuration.required_kinds)
      demand(blob_holds(block.blob, block.offset), "the kind's bytes");
  }
  std::vector<ConfigDiagnostic> diagnostics;
  for (const KindBlock& block : read_kind_blocks(bytes, diagnostics))
    demand(blob_holds(block.blob, block.offset), "the kind's bytes in a list of blocks");
  if (document.configurations.empty()) return 0;
  const ConfigDocument again = read_config_document(write_config_document(document));
  demand(again.configurations.size() == document.configurations.size(), "as many configurations when written again");
  for (std::size_t i = 0; i < again.configurations.size(); ++i)
    demand(again.configurations[i].blob == document.configurations[i].blob, "a blob survives being written");
  for (SignedConfiguration& c : document.configurations) {
    c.blob.clear();
    for (KindBlock& block : c.configuration.required_kinds) block.blob.clear();
  }
  const ConfigDocument anew = read_config_document(write_config_document(document));
  demand(anew.configurations.size() == document.configurations.size(), "as many configurations when made anew");
  for (std::size_t i = 0; i < anew.configurations.size(); ++i) {
    OverlayConfiguration a = document.configurations[i].configuration;
    OverlayConfiguration b = anew.configurations[i].configuration;
    for (KindBlock& block : b.required_kinds) block.blob.clear();
    demand(write_configuration(a) == write_configuration(b), "the same struct when made anew");
  }
  return 0;
}
