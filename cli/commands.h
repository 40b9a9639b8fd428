// SPDX-License-Identifier: GPL-2.0-or-later
// The subcommands of `peerscope`. Each takes argv with its own name first and returns the exit code of
// docs/exit-codes.md.
#pragma once

namespace peerscope::cli {

int check(int argc, char** argv);
int replay(int argc, char** argv);
int record(int argc, char** argv);
int minimize(int argc, char** argv);
int merge(int argc, char** argv);
int matrix(int argc, char** argv);
int fuzz(int argc, char** argv);
int run(int argc, char** argv);
int list(int argc, char** argv);
int explain(int argc, char** argv);
int lint(int argc, char** argv);
int demo(int argc, char** argv);
int demo_reload(int argc, char** argv);
int demo_alto(int argc, char** argv);
int demo_distributed_tracker(int argc, char** argv);
int reload(int argc, char** argv);
int alto(int argc, char** argv);
int simulate(int argc, char** argv);
int simulate_distributed_tracker(int argc, char** argv);
int docs(int argc, char** argv);
int report(int argc, char** argv);
int selftest(int argc, char** argv);

}  // namespace peerscope::cli
