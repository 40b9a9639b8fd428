// SPDX-License-Identifier: GPL-2.0-or-later
// The pages: all results, a cell, a requirement, a scenario, a run.

function filter(state) {
  const used = verdicts.map(([name]) => name).filter((name) => runs.some((run) => [...run.byRule.values()].some((rule) => rule.verdict === name)));
  const change = (next) => { location.replace(address(state.parts, next)); };
  return make("form", { role: "search", "aria-label": "Filter requirements", on: { submit: (event) => event.preventDefault() } },
    used.map((name) => make("label", { class: "chip" },
      make("input", { type: "checkbox", name, checked: !state.verdicts || state.verdicts.has(name), on: { change: (event) => {
        const set = new Set(state.verdicts || used);
        if (event.target.checked) set.add(name); else set.delete(name);
        change({ ...state, verdicts: used.every((one) => set.has(one)) ? null : set });
      } } }), told(name))),
    make("label", { class: "words" }, make("span", {}, "Words "), make("input", { type: "search", value: state.words, id: "words", on: { change: (event) => change({ ...state, words: event.target.value }) } })));
}

function sums(rules) {
  const out = new Map();
  for (const rule of rules) out.set(rule.verdict, (out.get(rule.verdict) || 0) + 1);
  return verdicts.filter(([name]) => out.has(name)).map(([name]) => [name, out.get(name)]);
}
const bar = (rules) => make("span", { class: "bar", "aria-hidden": "true" }, sums(rules).map(([name, n]) => make("span", { class: style(name), style: `flex-grow:${n}` })));
const tally = (rules) => sums(rules).map(([name, n]) => [make("span", { class: `verdict ${style(name)}` }, make("span", { class: "sign", "aria-hidden": "true" }, sign(name)), ` ${n} ${name}`), " "]);
const tallyText = (rules) => sums(rules).map(([name, n]) => `${n} ${name}`).join(", ");
const moment = (text) => (text ? text.replace("T", " ").replace(/(:\d\d)(\.\d+)?Z$/, "$1 UTC") : "");

function stopped() {
  return runs.filter((run) => !run.ended).map((run) => make("p", { class: "notice" }, `The run of ${runTitle(run)} was stopped before its end: this is what it had decided.`));
}

function matrixCell(state, group, run) {
  const all = [...run.byRule.values()].filter((rule) => groupOf(rule.id) === group);
  const rules = all.filter((rule) => wants(state, rule));
  if (rules.length === 0) return make("td", { class: "cell empty" }, all.length ? "filtered" : "not judged");
  const verdict = worst(rules.map((rule) => rule.verdict));
  const [[name, n]] = sums(rules);
  const fresh = rules.some((rule) => isNew(run, rule));
  return make("td", { class: "cell" }, make("a", {
    class: `box ${style(verdict)}`, href: address(["cell", group, String(run.index)], state), "data-group": group, "data-run": run.index,
    "aria-label": `${group}, ${runTitle(run)}: ${tallyText(rules)}${fresh ? "; new since the run before" : ""}`,
  },
  make("span", { class: "sign", "aria-hidden": "true" }, sign(name)), make("span", { class: "count" }, `${n} ${name}`, n === rules.length ? null : make("span", { class: "of" }, ` of ${rules.length}`)),
  fresh ? make("span", { class: "new" }, "new") : null, bar(rules)));
}

// What is broken, the worst first: the shortest way to the frame.
function broken(state) {
  const kMost = 12;
  const all = runs.flatMap((run) => [...run.byRule.values()].filter((rule) => isBad(rule.verdict) && wants(state, rule)).map((rule) => ({ run, rule })));
  if (!all.length) return null;
  all.sort((a, b) => rank(a.rule.verdict) - rank(b.rule.verdict) || a.rule.id.localeCompare(b.rule.id));
  return [make("h2", {}, "What broke"), make("ul", { class: "broken" }, all.slice(0, kMost).map(({ run, rule }) => make("li", {},
    told(rule.verdict), make("a", { href: address(["rule", rule.id, String(run.index)], state) }, rule.id),
    make("span", {}, (data.rules[rule.id] || {}).text || rule.example), make("span", { class: "quiet" }, runTitle(run))))),
  all.length > kMost ? make("p", { class: "quiet" }, `and ${all.length - kMost} more in the table`) : null];
}

function matrix(state) {
  const documents = [...new Set(groups.map(documentOf))];
  const shown = groups.filter((group) => runs.some((run) => [...run.byRule.values()].some((rule) => groupOf(rule.id) === group && wants(state, rule))));
  const head = make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Group"), runs.map((run) => make("th", { scope: "col" },
    make("a", { href: address(["run", String(run.index)], state) }, runTitle(run)), make("span", { class: "quiet" }, moment(run.started)), bar([...run.byRule.values()])))));
  const bodies = documents.map((name) => {
    const rows = groups.filter((group) => documentOf(group) === name && shown.includes(group));
    if (!rows.length) return null;
    return make("tbody", {}, make("tr", { class: "document" }, make("th", { scope: "rowgroup", colspan: runs.length + 1 }, name)),
      rows.map((group) => make("tr", {}, make("th", { scope: "row" }, group), runs.map((run) => matrixCell(state, group, run)))));
  });
  return [
    make("h1", { tabindex: -1 }, "Conformance results"),
    make("p", { class: "lead" }, `${counted(runs.length, "run")}, ${counted(new Set(runs.flatMap((run) => [...run.byRule.keys()])).size, "requirement")} judged. `, tally(runs.flatMap((run) => [...run.byRule.values()]))),
    stopped(),
    filter(state),
    make("div", { class: runs.length <= 3 ? "beside" : null }, shown.length ? make("div", { class: "scroll" }, make("table", { class: "matrix" },
      make("caption", { class: "unseen" }, "Requirements by group and implementation. A cell leads to its requirements; arrow keys move between cells."), head, bodies))
      : make("p", { class: "notice" }, "Nothing passes the filter. ", make("a", { href: address([], {}) }, "Show everything")),
    make("section", {}, broken(state))),
  ];
}

function back(state, ...steps) {
  return make("nav", { "aria-label": "Where you are" }, make("a", { href: address([], state), class: steps.length ? null : "up" }, "All results"),
    steps.map(([text, parts], at) => [make("span", { "aria-hidden": "true" }, " › "), make("a", { href: address(parts, state), class: at === steps.length - 1 ? "up" : null }, text)]));
}

// The last `most` verdicts.
function strip(run, id, most = 1000) {
  if (!run.past.length) return null;
  const list = run.past.slice(-most).map((one) => ({ ...one, verdict: one.verdicts[id] || "none" }));
  return make("ol", { class: "history", "aria-label": `Last ${counted(list.length, "run")}, the oldest first` }, list.map((one) => make("li", {
    class: style(one.verdict), title: `${one.verdict === "none" ? "not judged" : one.verdict}, ${moment(one.started)}, ${one.iut}`,
  }, make("span", { "aria-hidden": "true" }, sign(one.verdict)), make("span", { class: "unseen" }, `${one.verdict} ${moment(one.started)}`))));
}

function cell(state, group, number) {
  const run = runs[number];
  const rules = [...run.byRule.values()].filter((rule) => groupOf(rule.id) === group && wants(state, rule)).sort((a, b) => rank(a.verdict) - rank(b.verdict) || a.id.localeCompare(b.id));
  const past = run.past.length > 0;
  return [
    back(state),
    make("h1", { tabindex: -1 }, group, make("span", { class: "of" }, ` ${runTitle(run)}`)),
    make("p", { class: "lead" }, tally(rules)),
    filter(state),
    make("div", { class: "scroll" }, make("table", { class: "list" },
      make("caption", { class: "unseen" }, `Requirements of ${group}, the worst first`),
      make("thead", {}, make("tr", {}, ["Verdict", "Requirement", "What it says", past ? "History" : null].filter(Boolean).map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, rules.map((rule) => {
        const row = data.rules[rule.id] || {};
        return make("tr", {}, make("td", {}, told(rule.verdict), isNew(run, rule) ? make("span", { class: "new" }, "new") : null),
          make("th", { scope: "row" }, make("a", { href: address(["rule", rule.id, String(number)], state) }, rule.id), make("span", { class: "quiet" }, row.level || "")),
          make("td", {}, row.text || "", isBad(rule.verdict) && rule.example ? make("p", { class: "example" }, rule.example) : null), past ? make("td", {}, strip(run, rule.id, 8)) : null);
      })))),
  ];
}

// A flow with what is chosen in it below.
function flowWithPanel(one, hits, frame) {
  const panel = make("div", { "aria-live": "polite" });
  const select = (chosen, move) => {
    const hit = hits.find((each) => each.frame === chosen && isBad(each.verdict)) || hits.find((each) => each.frame === chosen) || null;
    panel.replaceChildren(messagePanel(one, chosen, hit));
    if (move) panel.querySelector("h3").focus({ preventScroll: true });
  };
  select(frame, false);
  return make("div", { class: "flowing" }, one.flow.length ? flow(one, hits, frame, (chosen) => select(chosen, true)) : null, panel);
}

function findingView(state, finding, open) {
  const one = finding.of;
  const build = () => [
    make("p", { class: "where" }, make("a", { href: address(["case", String(one.run), String(one.index)], state) }, one.name), finding.where ? make("span", { class: "quiet" }, ` step ${finding.where}`) : null),
    flowWithPanel(one, one.hits.filter((hit) => hit.rule === finding.rule), finding.frame),
  ];
  const details = make("details", { class: `finding ${style(finding.verdict)}`, open },
    make("summary", {}, told(finding.verdict), " ", cut(finding.detail, 300), make("span", { class: "quiet" }, ` ${one.name}${finding.frame ? `, frame ${finding.frame}` : ""}`)));
  if (open) details.append(...build());
  else details.addEventListener("toggle", () => details.append(...build()), { once: true });
  return details;
}

function cite(row) {
  if (!row.document) return "";
  const number = /^RFC (\d+)$/.exec(row.document);
  const text = `${row.document}, section ${row.section}`;
  const section = /^[\d.]+$/.test(row.section) ? `#section-${row.section}` : "";
  return number ? make("a", { href: `https://www.rfc-editor.org/rfc/rfc${number[1]}${section}`, rel: "noreferrer" }, text) : text;
}

function rule(state, id, number) {
  const kMost = 50;
  const run = runs[number];
  const row = data.rules[id] || {};
  const result = run.byRule.get(id) || { verdict: "none", findings: [], cases: [], example: "" };
  return [
    back(state, [`${groupOf(id)}, ${runTitle(run)}`, ["cell", groupOf(id), String(number)]]),
    make("h1", { tabindex: -1 }, id, " ", told(result.verdict), make("span", { class: "of" }, ` ${runTitle(run)}`)),
    make("p", { class: "rule" }, row.text || "This version of peerscope does not know the requirement."),
    make("p", { class: "meta" }, [cite(row), row.level, row.binds && row.binds !== "any" ? `binds the ${row.binds}` : ""].filter(Boolean).map((part, at) => [at ? " · " : "", part])),
    run.past.length ? make("div", { class: "past" }, make("h2", {}, "History"), strip(run, id)) : null,
    make("h2", {}, result.findings.length ? counted(result.findings.length, "finding") : "No finding"),
    result.findings.length === 0 ? make("p", { class: "quiet" }, result.example || "Nothing was found against it.") : null,
    result.findings.slice(0, kMost).map((finding, at) => findingView(state, finding, at === 0)),
    result.findings.length > kMost ? make("p", { class: "quiet" }, `and ${result.findings.length - kMost} more of the same`) : null,
    result.cases.length ? [make("h2", {}, "Scenarios about it"), caseList(state, result.cases)] : null,
  ];
}

const caseList = (state, cases) => make("ul", { class: "cases" }, [...cases].sort((a, b) => rank(a.verdict) - rank(b.verdict)).map((one) => make("li", {}, told(one.verdict),
  make("a", { href: address(["case", String(one.run), String(one.index)], state) }, one.name), make("span", { class: "quiet" }, one.note || one.reason))));

// One scenario: everything that was found in it.
function scenario(state, number, index, frame) {
  const run = runs[number];
  const one = run.cases[index];
  const first = [...one.hits].sort((a, b) => rank(a.verdict) - rank(b.verdict))[0];
  const chosen = frame || (first ? first.frame : 0);
  return [
    back(state, [runTitle(run), ["run", String(number)]]),
    make("h1", { tabindex: -1 }, one.name, " ", told(one.verdict)),
    one.reason || one.note ? make("p", { class: "rule" }, one.reason, one.note ? make("span", { class: "quiet" }, ` ${one.note}`) : null) : null,
    one.tests.length ? make("p", { class: "meta" }, "About ", one.tests.map((id, at) => [at ? ", " : "", make("a", { href: address(["rule", id, String(number)], state) }, id)])) : null,
    flowWithPanel(one, one.hits, chosen),
    one.hits.length ? [make("h2", {}, counted(one.hits.length, "finding")), make("ul", { class: "cases" }, one.hits.map((hit) => make("li", {}, told(hit.verdict),
      make("a", { href: address(["rule", hit.rule, String(number)], state) }, hit.rule), make("span", {}, hit.detail),
      hit.frame ? make("a", { class: "quiet", href: address(["case", String(number), String(index), String(hit.frame)], state) }, `frame ${hit.frame}`) : null)))] : null,
  ];
}

function whole(state, number) {
  const run = runs[number];
  const facts = [["command", run.command], ["started", moment(run.started)], ["peerscope", `${run.version}, rules ${run.rules}`], ["results", run.path], ["exit code", run.ended ? String(run.exit) : "none: the run was stopped"]];
  return [
    back(state),
    make("h1", { tabindex: -1 }, runTitle(run)),
    make("p", { class: "lead" }, tally([...run.byRule.values()])),
    make("dl", {}, facts.filter(([, value]) => value).map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
    make("h2", {}, counted(run.cases.length, "scenario")),
    caseList(state, run.cases),
  ];
}

// ---- what the address says

function content(state) {
  const [view, first, second, third] = state.parts;
  const number = Number(view === "run" || view === "case" ? first : second);
  const known = Number.isInteger(number) && number >= 0 && number < runs.length;
  if (view === "cell" && known) return cell(state, first, number);
  if (view === "rule" && known) return rule(state, first, number);
  if (view === "run" && known) return whole(state, number);
  if (view === "case" && known && runs[number].cases[Number(second)]) return scenario(state, number, Number(second), Number(third) || 0);
  return matrix(state);
}

let last = [];
function show() {
  const state = read();
  const typing = document.activeElement && ["words"].includes(document.activeElement.id) ? document.activeElement.id : null;
  const chip = document.activeElement && document.activeElement.type === "checkbox" ? document.activeElement.name : null;
  main.replaceChildren(...content(state).flat(9).filter(Boolean));
  const table = main.querySelector("table");
  if (table) moveByArrows(table);
  const title = main.querySelector("h1");
  document.title = `${title.textContent} - Peerscope`;
  // Back in the matrix one stands where one left it.
  const [view, group, run] = last;
  const left = state.parts.length === 0 && view === "cell" ? [...main.querySelectorAll("a.box")].find((box) => box.dataset.group === group && box.dataset.run === run) : null;
  const kept = typing ? document.getElementById(typing) : chip ? main.querySelector(`input[name="${CSS.escape(chip)}"]`) : null;
  if (left) { reach(table, left); left.focus(); } else (kept || title).focus({ preventScroll: Boolean(kept) });
  if (!kept && !left) scrollTo(0, 0);
  last = state.parts;
}

// ---- the keyboard: arrows move between the links of a table, Enter opens (as links do), Escape goes up

function reach(table, link) {
  for (const each of table.querySelectorAll("tbody a")) each.tabIndex = each === link ? 0 : -1;
}
function moveByArrows(table) {
  const rows = [...table.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll("td.cell a, th a")]).filter((row) => row.length);
  if (!rows.length) return;
  reach(table, rows[0][0]);
  table.addEventListener("focusin", (event) => { if (event.target.matches("tbody a")) reach(table, event.target); });
  table.addEventListener("keydown", (event) => {
    const row = rows.findIndex((links) => links.includes(document.activeElement));
    if (row < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    // By the place in the table: rows may have cells without a link.
    const column = document.activeElement.closest("td, th").cellIndex;
    const inColumn = (links) => links.find((link) => link.closest("td, th").cellIndex === column);
    const at = rows[row].indexOf(document.activeElement);
    const next = {
      ArrowRight: () => rows[row][at + 1], ArrowLeft: () => rows[row][at - 1], Home: () => rows[row][0], End: () => rows[row][rows[row].length - 1],
      ArrowDown: () => rows.slice(row + 1).map(inColumn).find(Boolean), ArrowUp: () => rows.slice(0, row).reverse().map(inColumn).find(Boolean),
    }[event.key];
    if (!next) return;
    event.preventDefault();
    const link = next();
    if (link) link.focus();
  });
}
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const up = main.querySelector("nav a.up");
  if (up) location.hash = up.getAttribute("href");
});

addEventListener("hashchange", show);
show();
