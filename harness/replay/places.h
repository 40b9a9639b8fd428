// SPDX-License-Identifier: GPL-2.0-or-later
// Where a captured exchange takes place at a live server with a directory (ALTO): at the resource of the same kind that
// its directory lists, whatever its URI, under the names that this server has.
//
// Ownership: one object for one replay. Failure: what the server does not offer has no place, with the reason.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/capture/pdus.h"
#include "harness/engine/survey.h"

namespace peerscope::harness {

class Places {
 public:
  using Ask = std::function<MessagePtr(const Survey::Fetch& fetch)>;  // null: no answer
  // Learns the directory and what it leads to. `data`: files of what the server holds. An error for people.
  std::string learn(const Protocol& protocol, const net::Url& directory, const std::vector<std::string>& data,
                    const Ask& ask);

  struct Place {
    net::Url url;
    std::string accept;
    std::string body;
    bool stream = false;  // the answer has no end
  };
  std::optional<Place> find(const CapturedMessage& request, const Message* answer, std::string& reason);

  // Whether an answer of the capture tells of the very data that the live server has.
  bool same_data(const Message& answer) const { return survey_->same_data(answer); }
  // What a server lists is its own affair, whatever data it has.
  static bool is_directory(const Message& answer);
  std::string doubt(const Message& request, const Message& answer) const { return survey_->doubt(request, answer); }
  // What is wrong with the live server's answer by its own word; empty when nothing is.
  std::string disagreement(const Message& request, const Message& answer) const {
    return survey_->compare(request, answer).difference;
  }

 private:
  const Protocol* protocol_ = nullptr;
  net::Url directory_;
  std::unique_ptr<Survey> survey_;
};

// Where the requests of a capture went, by their index; "" where nothing tells. What is no request has none.
std::vector<std::string> captured_targets(const std::vector<CapturedMessage>& messages);

// A capture's messages all have bodies; what the answers without a request answered was a GET. Other messages stay, and
// so do the requests of the others.
std::vector<CapturedMessage> with_gets(const std::vector<CapturedMessage>& messages);

}  // namespace peerscope::harness
