// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope: one program. Each subcommand has its own options; `peerscope COMMAND --help` lists them.
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "cli/commands.h"
#include "cli/join.h"
#include "cli/serve_alto.h"
#include "cli/serve_distributed_tracker.h"
#include "cli/serve_reload.h"
#include "cli/serve_tracker.h"
#include "harness/engine/verdict.h"

namespace {

struct Command {
  const char* name;
  const char* text;
  int (*run)(int, char**);
};

int serve(int argc, char** argv) {
  if (argc >= 2 && std::strcmp(argv[1], "tracker") == 0) return peerscope::cli::serve_tracker(argc - 1, argv + 1);
  if (argc >= 2 && std::strcmp(argv[1], "alto") == 0) return peerscope::cli::serve_alto(argc - 1, argv + 1);
  if (argc >= 2 && std::strcmp(argv[1], "reload") == 0) return peerscope::cli::serve_reload(argc - 1, argv + 1);
  if (argc >= 2 && std::strcmp(argv[1], "distributed-tracker") == 0)
    return peerscope::cli::serve_distributed_tracker(argc - 1, argv + 1);
  const bool help = argc >= 2 && (std::strcmp(argv[1], "--help") == 0 || std::strcmp(argv[1], "-h") == 0);
  if (argc >= 2 && !help) std::fprintf(stderr, "peerscope serve: no role '%s'\n\n", argv[1]);
  std::fprintf(help ? stdout : stderr,
               "usage: peerscope serve ROLE [options]\n\nroles:\n"
               "  tracker   a PPSP tracker (RFC 7846)\n"
               "  alto      an ALTO server (RFC 7285)\n"
               "  reload    a RELOAD peer (RFC 6940), or a new overlay with its authority\n"
               "  distributed-tracker\n"
               "            a PPSP tracker that shares its registrations with others in a RELOAD overlay\n"
               "\n`peerscope serve ROLE --help` shows a role's options.\n");
  return help ? 0 : peerscope::harness::kExitUsage;
}

int demo(int argc, char** argv) {
  if (argc >= 2 && std::strcmp(argv[1], "reload") == 0) return peerscope::cli::demo_reload(argc - 1, argv + 1);
  if (argc >= 2 && std::strcmp(argv[1], "alto") == 0) return peerscope::cli::demo_alto(argc - 1, argv + 1);
  if (argc >= 2 && std::strcmp(argv[1], "distributed-tracker") == 0)
    return peerscope::cli::demo_distributed_tracker(argc - 1, argv + 1);
  return peerscope::cli::demo(argc, argv);
}

int join(int argc, char** argv) {
  return peerscope::cli::join(argc, argv);
}

constexpr Command kCommands[] = {
    {"check", "judge every message of a capture", peerscope::cli::check},
    {"replay", "play one party of a captured flow against a live implementation", peerscope::cli::replay},
    {"record", "turn a capture into a flow file and a scenario file", peerscope::cli::record},
    {"minimize", "find the fewest messages that still break a requirement", peerscope::cli::minimize},
    {"run", "run conformance scenarios against an implementation", peerscope::cli::run},
    {"matrix", "every client against every server, or captures of such pairs: one page", peerscope::cli::matrix},
    {"fuzz", "run scenarios with mutated messages, and keep what crashes or hangs", peerscope::cli::fuzz},
    {"merge", "merge results of shards or machines", peerscope::cli::merge},
    {"report", "render results as a web page, SARIF, TAP or JUnit", peerscope::cli::report},
    {"serve", "run a reference implementation: serve tracker, serve reload, serve alto, ...", serve},
    {"join", "run a reference peer against a tracker", join},
    {"reload", "ask a RELOAD overlay: ping, store, fetch, ...", peerscope::cli::reload},
    {"alto", "ask an ALTO server: get, rank, watch, validate, discover", peerscope::cli::alto},
    {"simulate", "overlays of many nodes on virtual time: simulate reload, simulate distributed-tracker",
     peerscope::cli::simulate},
    {"demo", "tracker and peers on loopback: capture, decode, check, replay, report; demo reload, demo alto, ...",
     demo},
    {"selftest", "prove this installation against its own roles and their defects", peerscope::cli::selftest},
    {"list", "list scenarios, requirements, messages or features", peerscope::cli::list},
    {"explain", "explain a requirement", peerscope::cli::explain},
    {"lint", "check scenario and IUT files without running anything", peerscope::cli::lint},
    {"docs", "write the generated pages: fields, requirements, coverage", peerscope::cli::docs},
};

void usage(std::FILE* out) {
  std::fprintf(out, "usage: peerscope COMMAND [options]\n\n");
  for (const Command& command : kCommands) std::fprintf(out, "  %-8s %s\n", command.name, command.text);
  std::fprintf(out, "\n`peerscope COMMAND --help` shows a command's options; `peerscope --version` the version.\n");
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file at its limit is an error to tell, as a full disk is
  if (argc < 2) {
    usage(stderr);
    return peerscope::harness::kExitUsage;
  }
  const std::string name = argv[1];
  if (name == "--help" || name == "-h" || name == "help") {
    usage(stdout);
    return 0;
  }
  if (name == "--version") {
    std::printf("peerscope %s\n", PEERSCOPE_VERSION);
    return 0;
  }
  for (const Command& command : kCommands) {
    if (name == command.name) return command.run(argc - 1, argv + 1);
  }
  std::fprintf(stderr, "peerscope: no command '%s'\n\n", name.c_str());
  usage(stderr);
  return peerscope::harness::kExitUsage;
}
