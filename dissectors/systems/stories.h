// SPDX-License-Identifier: GPL-2.0-or-later
// Stories of the distributed PPSP tracker in Wireshark: one request of a peer over PPSTP and RELOAD. Both dissectors
// tell what they see here, and show what belongs together: `peerscope.story` is the same number in all frames of a
// story.
//
// A first pass knows only what came before a frame, so tshark needs -2 to filter for a story's first frame.
#pragma once

#include <string_view>

#include "dissectors/epan/field_tree.h"
#include "dissectors/epan/journal.h"

namespace peerscope::systems {

// Part of an epan::Journal::Study: follows the message on the first pass, and adds what it breaks to the record.
void follow_story(const Protocol& protocol, const Message& message, const Message* request, epan::Record& record);
// The fields of a story, and its tap. Epan may long-jump out of it.
void show_story(const epan::Canvas& canvas, const epan::Record* record);
// "swarm movie, shard 0", when that swarm was seen in PPSTP.
std::string_view resource_name(std::string_view resource);
void forget_stories();

}  // namespace peerscope::systems
