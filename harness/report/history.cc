// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/report/history.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <initializer_list>
#include <memory>

namespace peerscope::harness {
namespace {

// What the tables look like; another number is the file of another program or of a later version.
constexpr int kApplication = 0x50656572;  // "Peer"
constexpr int kVersion = 1;
constexpr const char* kTables =
    "CREATE TABLE run(id TEXT PRIMARY KEY, series TEXT NOT NULL, started TEXT NOT NULL, iut TEXT NOT NULL,"
    " command TEXT NOT NULL, version TEXT NOT NULL, ended INTEGER NOT NULL);"
    "CREATE INDEX run_series ON run(series, started);"
    "CREATE TABLE verdict(run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE, requirement TEXT NOT NULL,"
    " verdict TEXT NOT NULL, PRIMARY KEY(run, requirement)) WITHOUT ROWID;";

constexpr int kPatienceMs = 10000;  // another report may be writing

// Not movable; every failure is kept, and what follows it does nothing.
class Database {
 public:
  explicit Database(const std::string& path) : path_(path) {
    if (sqlite3_open_v2(path.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) != SQLITE_OK)
      fail();
    else
      sqlite3_busy_timeout(handle_, kPatienceMs);
    run("PRAGMA foreign_keys = ON");
  }
  ~Database() { sqlite3_close(handle_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::string& error() const { return error_; }
  void refuse(const std::string& why) {
    if (error_.empty()) error_ = fmt::format("{}: {}", path_, why);
  }

  void run(const char* statements) {
    if (error_.empty() && sqlite3_exec(handle_, statements, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
  }

  // One statement; `row` gets each of its rows as texts.
  template <class Row>
  void query(const char* statement, std::initializer_list<std::string_view> values, const Row& row) {
    if (!error_.empty()) return;
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v2(handle_, statement, -1, &made, nullptr) != SQLITE_OK) return fail();
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> owner(made, sqlite3_finalize);
    int at = 0;
    for (const std::string_view value : values)
      sqlite3_bind_text(made, ++at, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
    int step = SQLITE_ROW;
    while ((step = sqlite3_step(made)) == SQLITE_ROW) {
      std::vector<std::string> texts;
      for (int i = 0; i < sqlite3_column_count(made); ++i) {
        const unsigned char* text = sqlite3_column_text(made, i);
        texts.emplace_back(text == nullptr ? "" : reinterpret_cast<const char*>(text));
      }
      row(texts);
    }
    if (step != SQLITE_DONE) fail();
  }
  void change(const char* statement, std::initializer_list<std::string_view> values) {
    query(statement, values, [](const std::vector<std::string>&) {});
  }
  int number(const char* statement) {
    int out = 0;
    query(statement, {}, [&](const std::vector<std::string>& row) { out = std::atoi(row.front().c_str()); });
    return out;
  }

 private:
  void fail() {
    if (error_.empty())
      error_ = fmt::format("{}: {}", path_, handle_ != nullptr ? sqlite3_errmsg(handle_) : "out of memory");
  }

  std::string path_;
  std::string error_;
  sqlite3* handle_ = nullptr;
};

void prepare(Database& database) {
  const int application = database.number("PRAGMA application_id");
  const int version = database.number("PRAGMA user_version");
  const bool fresh = database.number("SELECT count(*) FROM sqlite_master") == 0;
  if (fresh) {
    database.run(kTables);
    database.run(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplication, kVersion).c_str());
  } else if (application != kApplication) {
    database.refuse("is a database of another program");
  } else if (version != kVersion) {
    database.refuse(fmt::format("is a history of version {}, this program knows version {}", version, kVersion));
  }
}

void add(Database& database, const RunRecord& run) {
  database.change("DELETE FROM run WHERE id = ?", {run.id});
  database.change("INSERT INTO run VALUES(?, ?, ?, ?, ?, ?, ?)",
                  {run.id, run.series, run.started, run.iut, run.command, run.version, run.ended ? "1" : "0"});
  std::map<std::string, Verdict> verdicts;  // a file made by hand may name one twice
  for (const RecordedRequirement& row : judged_requirements(run))
    verdicts[row.id] = worst(verdicts[row.id], row.verdict);
  for (const auto& [id, verdict] : verdicts)
    database.change("INSERT INTO verdict VALUES(?, ?, ?)", {run.id, id, to_string(verdict)});
}

std::vector<PastRun> last_runs(Database& database, const std::string& series, std::size_t most) {
  std::vector<PastRun> out;
  database.query("SELECT id, started, iut FROM run WHERE series = ? ORDER BY started DESC, rowid DESC LIMIT ?",
                 {series, std::to_string(most)}, [&](const std::vector<std::string>& row) {
                   out.push_back({.id = row[0], .started = row[1], .iut = row[2], .verdicts = {}});
                 });
  std::reverse(out.begin(), out.end());
  for (PastRun& run : out) {
    database.query("SELECT requirement, verdict FROM verdict WHERE run = ?", {run.id},
                   [&](const std::vector<std::string>& row) { run.verdicts[row[0]] = verdict_named(row[1]); });
  }
  return out;
}

}  // namespace

Histories remember(const std::string& database_path, const std::vector<RunRecord>& runs, std::size_t most,
                   std::string& error) {
  Database database(database_path);
  database.run("BEGIN IMMEDIATE");  // all runs or none
  prepare(database);
  for (const RunRecord& run : runs) add(database, run);
  Histories out;
  for (const RunRecord& run : runs) {
    if (!out.contains(run.series)) out[run.series] = last_runs(database, run.series, most);
  }
  database.run("COMMIT");
  error = database.error();
  return error.empty() ? out : Histories{};
}

}  // namespace peerscope::harness
