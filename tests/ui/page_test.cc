// SPDX-License-Identifier: GPL-2.0-or-later
// The report page in a browser: what a person at an interop event does with it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "harness/report/history.h"
#include "harness/report/results.h"
#include "harness/report/run_record.h"
#include "protocols/base/protocol.h"
#include "tests/ui/browser.h"

namespace peerscope::ui {
namespace {

using namespace harness;

constexpr Verdict kAll[] = {Verdict::kPass,     Verdict::kInfo,         Verdict::kWarn,    Verdict::kInconclusive,
                            Verdict::kFail,     Verdict::kError,        Verdict::kSkipped, Verdict::kBlocked,
                            Verdict::kUnstable, Verdict::kNotApplicable};
constexpr const char* kHostile =
    "</script><script>window.taken=1</script><img src=x onerror=window.taken=1>\"'`${window.taken=1}\n";
constexpr std::string_view kBody = R"({"PPSPTrackerProtocol":{"version":2,"transaction_id":"t-1"}})";
constexpr std::uint32_t kVersionAt = 34;

Attempt attempt_with(Verdict verdict, const std::string& evidence) {
  Attempt attempt;
  attempt.scenario = "ppstp/tracker/" + std::string(to_string(verdict));
  attempt.verdict = verdict;
  attempt.reason = "for a reason";
  attempt.step = "asks";
  attempt.tests = {"P-VER-03", "P-FIND-04"};
  attempt.evidence = evidence;
  attempt.seconds = 0.25;
  return attempt;
}

// An exchange of three messages; the answer in frame 2 has the wrong version.
FlowRecord exchange(const std::string& name) {
  FlowRecord flow;
  flow.messages = {{.frame = 1, .at = 0, .from = "leech", .to = "iut", .name = "FIND"},
                   {.frame = 2, .at = 0.004, .from = "iut", .to = "leech", .name = name},
                   {.frame = 3, .at = 0.1, .from = "leech", .to = "iut", .name = "STAT_REPORT"}};
  ShownMessage shown;
  shown.frame = 2;
  shown.name = name;
  shown.bytes = kBody;
  shown.size = kBody.size();
  shown.fields = {
      {.depth = 0, .text = "PPSPTrackerProtocol", .filter = "ppstp.message_object", .offset = 23, .length = 37},
      {.depth = 1, .text = "version: 2", .filter = "ppstp.version", .offset = kVersionAt, .length = 1},
      {.depth = 1, .text = name, .filter = "ppstp.transaction_id", .offset = 53, .length = 5}};
  flow.shown.push_back(shown);
  return flow;
}

class Page : public testing::Test {
 protected:
  void SetUp() override {
    const std::string program = Browser::program();
    if (program.empty()) GTEST_SKIP() << "chromium is not installed (apt-get install chromium)";
    std::string pattern = (std::filesystem::temp_directory_path() / "peerscope-page-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    write_page();
    browser_ = std::make_unique<Browser>(program);
    browser_->size(1280, 900);
  }
  void TearDown() override {
    if (browser_) {
      for (const std::string& complaint : browser_->complaints()) ADD_FAILURE() << complaint;
    }
    browser_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  std::string url(const std::string& fragment = "") const { return "file://" + folder_ + "/page.html" + fragment; }
  Browser& browser() { return *browser_; }
  std::string heading() { return browser().text("document.querySelector('h1').textContent"); }

  // "bad": each verdict once, and what broke. "good": all is well. "hostile": texts that would like to be markup.
  RunRecord run(const std::string& name, const std::function<void(ResultsFile&)>& fill, const std::string& started) {
    std::string error;
    const std::string path = fmt::format("{}/{:x}.jsonl", folder_, std::hash<std::string>{}(name + started));
    auto results = ResultsFile::open(path, error);
    EXPECT_TRUE(results) << error;
    results->header("run", name, "0.1.0", "abc", 7, {name + started, started, name});
    fill(*results);
    results->footer(1);
    results.reset();
    RunRecord record = read_run(path, error);
    EXPECT_EQ(error, "");
    return record;
  }

  RunRecord bad_run(const std::string& started, bool broken) {
    return run(
        "bad tracker",
        [&](ResultsFile& results) {
          const Requirement* version = find_requirement("P-VER-03");
          const Requirement* silence = find_requirement("P-HTTP-06");
          for (const Verdict verdict : kAll) {
            Attempt attempt = attempt_with(verdict, folder_ + "/evidence/frame two.pcapng");
            attempt.flow = exchange("OK FIND, 1 peer");
            if (verdict == Verdict::kFail) {
              attempt.expected = "response\n  version: 1";
              attempt.hits = {{.rule = version,
                               .verdict = verdict,
                               .detail = "version: expected 1, seen 2",
                               .where = "asks",
                               .listed = true,
                               .frame = 2,
                               .offset = kVersionAt,
                               .length = 1},
                              {.rule = silence,
                               .verdict = verdict,
                               .detail = "no answer",
                               .where = "asks",
                               .frame = 3,
                               .missing = true}};
            }
            results.attempt(attempt);
            results.verdict(attempt, verdict, "");
          }
          std::size_t at = 0;
          for (const Requirement& row : find_protocol("ppstp")->requirements) {
            if (&row == version || &row == silence || at == std::size(kAll)) continue;
            results.requirement(row, kAll[at++], 1, "an example");
          }
          results.requirement(*version, broken ? Verdict::kFail : Verdict::kPass, 1, "version is 2");
          results.requirement(*silence, Verdict::kFail, 1, "no answer");
        },
        started);
  }

  RunRecord good_run() {
    return run(
        "good tracker",
        [&](ResultsFile& results) {
          const Attempt attempt = attempt_with(Verdict::kPass, "");
          results.attempt(attempt);
          results.verdict(attempt, Verdict::kPass, "");
          for (const char* id : {"P-VER-03", "P-FIND-04", "P-HTTP-06"})
            results.requirement(*find_requirement(id), Verdict::kPass, 0, "");
        },
        "2026-11-21T09:30:00.000Z");
  }

  RunRecord hostile_run() {
    return run(
        kHostile,
        [&](ResultsFile& results) {
          Attempt attempt = attempt_with(Verdict::kFail, "javascript:window.taken=1//x");
          attempt.scenario = kHostile;
          attempt.permutation = kHostile;
          attempt.reason = attempt.step = attempt.expected = attempt.seen = kHostile;
          attempt.tests = {kHostile};
          attempt.flow = exchange(kHostile);
          attempt.flow.messages[0].from = attempt.flow.messages[0].name = kHostile;
          attempt.hits = {{.rule = find_requirement("P-VER-03"),
                           .verdict = Verdict::kFail,
                           .detail = kHostile,
                           .where = kHostile,
                           .frame = 2}};
          results.attempt(attempt);
          results.verdict(attempt, Verdict::kFail, kHostile);
          results.requirement(*find_requirement("P-VER-03"), Verdict::kFail, 1, kHostile);
        },
        "2026-11-21T09:45:00.000Z");
  }

  void write_page() {
    std::filesystem::create_directory(folder_ + "/evidence");
    std::ofstream(folder_ + "/evidence/frame two.pcapng") << "a capture";
    const RunRecord before = bad_run("2026-11-20T09:00:00.000Z", false);
    runs_ = {bad_run("2026-11-21T09:00:00.000Z", true), good_run(), hostile_run()};
    std::string error;
    (void)remember(folder_ + "/history.db", {before}, 20, error);
    ASSERT_EQ(error, "");
    PageOptions options{
        .folder = folder_, .history = remember(folder_ + "/history.db", runs_, 20, error), .embed = false};
    ASSERT_EQ(error, "");
    std::ofstream(folder_ + "/page.html", std::ios::binary) << to_html(runs_, options);
    options.embed = true;
    std::ofstream(folder_ + "/embedded.html", std::ios::binary) << to_html(runs_, options);
  }

  // Every view that the page has, with each of its runs.
  std::vector<std::string> views() const {
    std::vector<std::string> out = {"",
                                    "#/run/0",
                                    "#/run/2",
                                    "#/cell/P-VER/0",
                                    "#/cell/P-VER/2",
                                    "#/rule/P-VER-03/0",
                                    "#/rule/P-VER-03/2",
                                    "#/rule/P-HTTP-06/0",
                                    "#/case/0/4",
                                    "#/case/0/4/2",
                                    "#/case/2/0",
                                    "#/?v=pass"};
    return out;
  }

  std::string folder_;
  std::vector<RunRecord> runs_;
  std::unique_ptr<Browser> browser_;
};

TEST_F(Page, ThreeClicksLeadToTheFrameThatBrokeARule) {
  browser().open(url());
  ASSERT_TRUE(browser().click("a.box[data-group='P-VER'][data-run='0']"));
  ASSERT_TRUE(browser().becomes("location.hash === '#/cell/P-VER/0'"));
  ASSERT_TRUE(browser().click(".list th a[href*='P-VER-03']"));
  ASSERT_TRUE(browser().becomes("location.hash === '#/rule/P-VER-03/0'"));
  ASSERT_TRUE(browser().becomes("document.querySelector('.arrow.bad[data-frame=\"2\"]') !== null"));
  ASSERT_TRUE(browser().click(".arrow.bad[data-frame='2']"));
  EXPECT_EQ(browser().text("document.querySelector('.message h3').firstChild.textContent"), "Frame 2");
  EXPECT_EQ(browser().text("document.querySelector('.command code').textContent"),
            "tshark -r '" + folder_ + "/evidence/frame two.pcapng' -V -Y 'frame.number == 2'");
  EXPECT_EQ(browser().text("document.querySelector('.evidence a').getAttribute('href')"),
            "./evidence/frame%20two.pcapng");
}

TEST_F(Page, TheListOfWhatBrokeIsOneClickFromTheFrame) {
  browser().open(url());
  ASSERT_TRUE(browser().click(".broken a[href*='P-VER-03/0']"));
  EXPECT_TRUE(browser().becomes("document.querySelector('.arrow.bad[data-frame=\"2\"]') !== null"));
}

TEST_F(Page, TheBrokenFieldAndItsBytesAreMarked) {
  browser().open(url("#/rule/P-VER-03/0"));
  EXPECT_EQ(browser().text("document.querySelector('.field.broken').textContent"), "✖ version: 2");
  EXPECT_EQ(browser().text("document.querySelector('.bytes mark.bad').textContent"), "2");
  EXPECT_EQ(browser().text("document.querySelector('pre mark.wanted').textContent.trim()"), "version: 1");
  // A field lights up its bytes.
  (void)browser().text("document.querySelectorAll('.field')[2].focus()");
  EXPECT_EQ(browser().text("document.querySelector('.bytes mark.lit').textContent"), "\"t-1\"");
}

TEST_F(Page, TheFlowIsDrawnWithPartiesTimesAndSilence) {
  browser().open(url("#/case/0/4"));
  ASSERT_TRUE(browser().becomes("document.querySelectorAll('.flow .arrow').length === 4"));
  EXPECT_EQ(
      browser().text("[...document.querySelectorAll('.flow text.party')].map(t => t.lastChild.textContent).join()"),
      "leech,iut");
  EXPECT_EQ(browser().text("[...document.querySelectorAll('.flow .time')].map(t => t.textContent).join()"),
            "0 µs,4.0 ms,100.0 ms");
  EXPECT_EQ(browser().text("document.querySelector('.arrow.silence').getAttribute('aria-label')"),
            "After frame 3 nothing came from iut to leech; fail: P-HTTP-06");
  // The arrow of the answer points back: right to left.
  EXPECT_TRUE(
      browser().truth("(() => { const l = document.querySelector('.arrow[data-frame=\"2\"] .wire'); return "
                      "l.x1.baseVal.value > l.x2.baseVal.value; })()"));
}

TEST_F(Page, FiltersAreInTheAddress) {
  browser().open(url("#/?v=fail&q=version"));
  EXPECT_EQ(
      browser().text("[...document.querySelectorAll('.chip input')].filter(i => i.checked).map(i => i.name).join()"),
      "fail");
  EXPECT_EQ(browser().text("document.getElementById('words').value"), "version");
  EXPECT_EQ(browser().text("[...new Set([...document.querySelectorAll('a.box')].map(a => a.dataset.group))].join()"),
            "P-VER");
  // Into a cell and back they stay.
  ASSERT_TRUE(browser().click("a.box[data-run='0']"));
  EXPECT_EQ(browser().text("location.hash"), "#/cell/P-VER/0?v=fail&q=version");
  EXPECT_EQ(browser().number("document.querySelectorAll('.list tbody tr').length"), 1);
  // What is chosen on the page gets into the address.
  browser().open(url());
  ASSERT_TRUE(browser().click(".chip input[name='pass']"));
  EXPECT_TRUE(browser().becomes("location.hash.startsWith('#/?v=') && !location.hash.includes('pass')"));
  EXPECT_EQ(browser().text("document.activeElement.name"), "pass");
  (void)browser().text("document.getElementById('words').focus()");
  browser().type("version");
  browser().key("Enter");
  EXPECT_TRUE(browser().becomes("location.hash.endsWith('q=version')"));
}

TEST_F(Page, TheKeyboardIsEnough) {
  browser().open(url());
  const auto at = [&] {
    return browser().text("document.activeElement.dataset.group + ' ' + document.activeElement.dataset.run");
  };
  for (int i = 0; i < 30 && !browser().truth("document.activeElement.matches('a.box')"); ++i) browser().key("Tab");
  ASSERT_TRUE(browser().truth("document.activeElement.matches('a.box')"));
  EXPECT_TRUE(
      browser().truth("getComputedStyle(document.activeElement).outlineStyle !== 'none' && "
                      "parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2"));
  const std::string first = at();
  browser().key("ArrowDown");
  EXPECT_NE(at(), first);
  for (int i = 0; i < 40 && browser().text("document.activeElement.dataset.group") != "P-VER"; ++i)
    browser().key("ArrowDown");
  browser().key("Home");
  browser().key("ArrowRight");
  EXPECT_EQ(at(), "P-VER 1");
  browser().key("ArrowLeft");
  EXPECT_EQ(at(), "P-VER 0");
  // One stop for Tab: the matrix is not in the way.
  EXPECT_EQ(browser().number("document.querySelectorAll('.matrix tbody a[tabindex=\"0\"]').length"), 1);
  browser().key("Enter");
  ASSERT_TRUE(browser().becomes("location.hash === '#/cell/P-VER/0'"));
  EXPECT_EQ(browser().text("document.activeElement.tagName"), "H1");
  for (int i = 0; i < 30 && !browser().truth("document.activeElement.matches('.list th a')"); ++i) browser().key("Tab");
  browser().key("Enter");
  ASSERT_TRUE(browser().becomes("location.hash.startsWith('#/rule/P-VER-')"));
  browser().key("Escape");
  ASSERT_TRUE(browser().becomes("location.hash === '#/cell/P-VER/0'"));
  browser().key("Escape");
  ASSERT_TRUE(browser().becomes("location.hash === '#/'"));
  EXPECT_EQ(at(), "P-VER 0");
}

TEST_F(Page, ArrowsOfTheDiagramAreReachedByKeys) {
  browser().open(url("#/rule/P-VER-03/0"));
  ASSERT_TRUE(browser().becomes("document.querySelectorAll('.flow .arrow').length === 3"));
  (void)browser().text("document.querySelector('.arrow[data-frame=\"3\"]').focus()");
  browser().key("Enter");
  EXPECT_EQ(browser().text("document.querySelector('.message h3').firstChild.textContent"), "Frame 3");
  EXPECT_EQ(browser().text("document.activeElement.tagName"), "H3");
}

TEST_F(Page, NothingSticksOutOnAPhoneOrAProjector) {
  for (const int width : {390, 1920}) {
    browser().size(width, 844);
    for (const std::string& view : views()) {
      browser().open(url(view));
      EXPECT_LE(browser().number("document.scrollingElement.scrollWidth"), width) << view;
      EXPECT_FALSE(heading().empty()) << view;
    }
  }
}

TEST_F(Page, EveryVerdictIsOnThePage) {
  for (std::size_t number = 0; number < 2; ++number) {
    const RunRecord& run = runs_[number];
    browser().open(url(fmt::format("#/run/{}", number)));
    for (const RecordedCase& one : run.cases) {
      const std::string item = fmt::format(
          "[...document.querySelectorAll('.cases li')].filter(li => li.querySelector('a').textContent === '{}' && "
          "li.querySelector('.verdict').lastChild.textContent.trim() === '{}').length",
          one.name(), to_string(one.verdict));
      EXPECT_EQ(browser().number(item), 1) << one.name();
    }
    for (const RecordedRequirement& row : run.requirements) {
      browser().open(url(fmt::format("#/rule/{}/{}", row.id, number)));
      EXPECT_EQ(browser().text("document.querySelector('h1 .verdict').lastChild.textContent.trim()"),
                to_string(row.verdict))
          << row.id;
    }
  }
}

TEST_F(Page, HostileTextsStayTexts) {
  for (const std::string& view : views()) {
    browser().open(url(view));
    EXPECT_EQ(browser().text("typeof window.taken"), "undefined") << view;
    EXPECT_EQ(browser().number("document.querySelectorAll('img, iframe, main script, object, base').length"), 0)
        << view;
    EXPECT_TRUE(
        browser().truth("[...document.querySelectorAll('a')].every(a => "
                        "/^(#|\\.\\/|https:\\/\\/www\\.rfc-editor\\.org\\/)/.test(a.getAttribute('href')))"))
        << view;
  }
  browser().open(url("#/rule/P-VER-03/2"));
  EXPECT_TRUE(browser().truth("document.querySelector('.detail').textContent.includes('</script><script>')"));
  // A made-up address leads to the matrix, whatever is in it.
  for (const char* fragment : {"#/rule/%/0", "#/cell/x/99", "#/case/0/-1", "#/run/0.5", "#/<img%20src=x>/0"}) {
    browser().open(url(fragment));
    EXPECT_EQ(browser().text("typeof window.taken"), "undefined") << fragment;
    EXPECT_FALSE(heading().empty()) << fragment;
  }
}

TEST_F(Page, TheHistoryOfARequirementIsShown) {
  browser().open(url("#/rule/P-VER-03/0"));
  EXPECT_EQ(browser().text("[...document.querySelectorAll('.history li .unseen')].map(s => s.textContent).join()"),
            "pass 2026-11-20 09:00:00 UTC,fail 2026-11-21 09:00:00 UTC");
  browser().open(url());
  EXPECT_EQ(browser().number("document.querySelectorAll(\"a.box[data-group='P-VER'][data-run='0'] .new\").length"), 1);
  EXPECT_EQ(browser().number("document.querySelectorAll(\"a.box[data-group='P-HTTP'][data-run='0'] .new\").length"), 0);
}

TEST_F(Page, AnEmbeddedCaptureIsSavedAsItIs) {
  browser().open("file://" + folder_ + "/embedded.html#/rule/P-VER-03/0");
  (void)browser().text(
      "(window.saved = new Promise(done => { URL.createObjectURL = blob => { done(blob.text()); return 'data:,'; }; "
      "}), 0)");
  ASSERT_TRUE(browser().click(".evidence button.button"));
  EXPECT_EQ(browser().text("window.saved"), "a capture");
}

TEST_F(Page, ScreenReadersGetNamesAndTables) {
  for (const std::string& view : views()) {
    browser().open(url(view));
    EXPECT_TRUE(browser().truth(
        "[...document.querySelectorAll('a, button, input, summary')].every(e => (e.getAttribute('aria-label') || "
        "e.textContent || e.closest('label')?.textContent || '').trim() !== '')"))
        << view;
    EXPECT_TRUE(browser().truth("[...document.querySelectorAll('th')].every(th => th.scope !== '')")) << view;
    EXPECT_TRUE(
        browser().truth("[...document.querySelectorAll('table')].every(t => t.caption && t.caption.textContent)"))
        << view;
    EXPECT_EQ(browser().number("document.querySelectorAll('h1').length"), 1) << view;
    EXPECT_TRUE(browser().truth("document.title.endsWith('- Peerscope')")) << view;
  }
  browser().open(url());
  EXPECT_TRUE(browser().truth(
      "[...document.querySelectorAll('a.box')].every(a => /: \\d+ \\w/.test(a.getAttribute('aria-label')))"));
}

// WCAG 2: 4.5 to 1 between a text and what is behind it.
TEST_F(Page, TextsHaveContrastByDayAndNight) {
  std::ifstream file(PEERSCOPE_SOURCE_DIR "/tests/ui/contrast.js");
  const std::string least{std::istreambuf_iterator<char>(file), {}};
  for (const bool dark : {false, true}) {
    browser().dark(dark);
    for (const std::string& view : views()) {
      browser().open(url(view));
      const std::string worst = browser().text(least);
      EXPECT_GE(std::strtod(worst.c_str(), nullptr), 4.5) << view << (dark ? " dark: " : ": ") << worst;
    }
  }
}

}  // namespace
}  // namespace peerscope::ui
