// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/net/access.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

namespace peerscope::net {
namespace {

// The part before the separator; `rest` keeps what follows it.
std::string_view take(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view head = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
  return head;
}

std::set<std::string> split(std::string_view list) {
  std::set<std::string> parts;
  while (!list.empty()) parts.emplace(take(list, ','));
  return parts;
}

}  // namespace

Access::Access(Scheme scheme, Clock& clock, std::string realm, std::map<std::string, std::string> users,
               std::map<std::string, std::set<std::string>> names)
    : scheme_(scheme), realm_(std::move(realm)), users_(std::move(users)), names_(std::move(names)) {
  if (scheme_ == Scheme::kDigest) digest_ = std::make_unique<DigestAuthenticator>(clock, realm_, users_);
}

Result<std::unique_ptr<Access>> Access::open(std::string_view spec, Clock& clock, std::string realm) {
  std::string_view path = spec;
  const std::string_view word = take(path, ':');
  if ((word != "digest" && word != "bearer") || path.empty()) {
    return {ErrorKind::kLocal, fmt::format("'{}': expected digest:FILE or bearer:FILE", spec)};
  }
  std::ifstream file{std::string(path)};
  std::ostringstream text;
  if (!file || !(text << file.rdbuf()))
    return {ErrorKind::kLocal, fmt::format("cannot read '{}', or it is empty", path)};
  return parse(word == "digest" ? Scheme::kDigest : Scheme::kBearer, text.str(), clock, std::move(realm));
}

Result<std::unique_ptr<Access>> Access::parse(Scheme scheme, std::string_view text, Clock& clock, std::string realm) {
  std::map<std::string, std::string> users;
  std::map<std::string, std::set<std::string>> names;
  for (int number = 1; !text.empty(); ++number) {
    std::string_view line = take(text, '\n');
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    const std::string user(take(line, scheme == Scheme::kDigest ? ':' : ' '));
    std::string password;
    if (scheme == Scheme::kDigest) {
      password = take(line, ':');
      if (user.empty() || password.empty())
        return {ErrorKind::kLocal, fmt::format("line {}: expected user:password", number)};
    }
    if (!line.empty()) names[user] = split(line);
    users.emplace(user, std::move(password));
  }
  if (users.empty()) return {ErrorKind::kLocal, "no credentials in the file: nobody could connect"};
  return std::unique_ptr<Access>(new Access(scheme, clock, std::move(realm), std::move(users), std::move(names)));
}

AuthResult Access::check(const HttpRequest& request) {
  if (digest_) return digest_->check(request);
  AuthResult result =
      check_bearer(request, realm_, [&](std::string_view token) { return users_.contains(std::string(token)); });
  // The token itself stands for the user; RFC 6750 knows no other name.
  if (result.ok()) {
    std::string_view token = request.headers.get("Authorization");
    take(token, ' ');
    result.user = token.substr(std::min(token.find_first_not_of(' '), token.size()));
  }
  return result;
}

std::vector<std::string> Access::challenges() {
  if (digest_) return digest_->challenges();
  return {fmt::format("Bearer realm=\"{}\"", realm_)};
}

bool Access::may_use(const std::string& user, const std::string& name) const {
  const auto found = names_.find(user);
  return found == names_.end() || found->second.contains(name);
}

}  // namespace peerscope::net
