// SPDX-License-Identifier: GPL-2.0-or-later
// The report page: a matrix of implementations by groups of requirements, a page a cell, a page a requirement. All
// state is in the URL's fragment, so that a link shows what its sender saw.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const main = document.getElementById("main");
// Worst first. The sign says it without colour.
const verdicts = [
  ["error", "✖", "error"], ["fail", "✖", "fail"], ["unstable", "≈", "unstable"], ["inconclusive", "?", "inconclusive"],
  ["warn", "▲", "warn"], ["info", "ℹ", "info"], ["pass", "✔", "pass"], ["blocked", "–", "none"],
  ["not-applicable", "–", "none"], ["skipped", "–", "none"], ["none", "·", "none"],
];
const rank = (verdict) => verdicts.findIndex(([name]) => name === verdict);
const worst = (list) => list.reduce((a, b) => (rank(b) < rank(a) ? b : a), "none");
const style = (verdict) => (verdicts[rank(verdict)] || verdicts[verdicts.length - 1])[2];
const sign = (verdict) => (verdicts[rank(verdict)] || ["", "·"])[1];

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, run] of Object.entries(value)) element.addEventListener(event, run);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(9)) if (child !== null && child !== undefined && child !== "") element.append(child);
  return element;
}
const told = (verdict) => make("span", { class: `verdict ${style(verdict)}` }, `${sign(verdict)} ${verdict}`);
const groupOf = (id) => id.slice(0, id.lastIndexOf("-"));

// ---- what is shown: by run, all results of one requirement

const runs = data.runs.map((run, index) => {
  const rules = new Map();
  const of = (id) => {
    if (!rules.has(id)) rules.set(id, { id, verdicts: [], findings: [], cases: [], example: "" });
    return rules.get(id);
  };
  for (const row of run.requirements) {
    of(row.id).verdicts.push(row.verdict);
    of(row.id).example = row.example;
  }
  const summed = run.requirements.length > 0;
  for (const one of run.cases) {
    const hit = new Set(one.hits.map((finding) => finding.rule));
    for (const finding of one.hits) {
      of(finding.rule).findings.push({ ...finding, of: one });
      if (!summed) of(finding.rule).verdicts.push(finding.verdict);
    }
    for (const id of one.tests) {
      of(id).cases.push(one);
      if (!summed && !hit.has(id)) of(id).verdicts.push(one.verdict);
    }
  }
  for (const rule of rules.values()) rule.verdict = worst(rule.verdicts);
  return { ...run, index, byRule: rules };
});
const groups = [...new Set(runs.flatMap((run) => [...run.byRule.keys()].map(groupOf)))].sort();

// ---- the fragment: #/view/parts?v=fail,warn&q=words

function read() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const parameters = new URLSearchParams(query || "");
  const wanted = parameters.get("v");
  return {
    parts: path ? path.split("/").map(decodeURIComponent) : [],
    verdicts: wanted ? new Set(wanted.split(",")) : null,
    words: parameters.get("q") || "",
  };
}
function address(parts, state) {
  const parameters = new URLSearchParams();
  if (state.verdicts) parameters.set("v", [...state.verdicts].join(","));
  if (state.words) parameters.set("q", state.words);
  const query = parameters.toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${query ? `?${query}` : ""}`;
}
function wants(state, rule) {
  if (state.verdicts && !state.verdicts.has(rule.verdict)) return false;
  const text = `${rule.id} ${(data.rules[rule.id] || {}).text || ""}`.toLowerCase();
  return state.words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function filter(state) {
  const used = verdicts.map(([name]) => name).filter((name) => runs.some((run) => [...run.byRule.values()].some((rule) => rule.verdict === name)));
  const change = (next) => { location.replace(address(state.parts, next)); };
  return make("form", { role: "search", "aria-label": "Filter requirements", on: { submit: (event) => event.preventDefault() } },
    used.map((name) => make("label", {},
      make("input", { type: "checkbox", checked: !state.verdicts || state.verdicts.has(name), on: { change: (event) => {
        const set = new Set(state.verdicts || used);
        if (event.target.checked) set.add(name); else set.delete(name);
        change({ ...state, verdicts: set.size === used.length ? null : set });
      } } }), " ", told(name))),
    make("label", {}, "words ", make("input", { type: "search", value: state.words, id: "words", on: { change: (event) => change({ ...state, words: event.target.value }) } })));
}

// ---- views

function counts(rules) {
  const sums = new Map();
  for (const rule of rules) sums.set(rule.verdict, (sums.get(rule.verdict) || 0) + 1);
  return verdicts.filter(([name]) => sums.has(name)).map(([name]) => make("span", { class: `verdict ${style(name)}` }, `${sign(name)} ${sums.get(name)} ${name} `));
}
const runTitle = (run) => `${run.iut || "?"}${runs.filter((other) => other.iut === run.iut).length > 1 ? ` (${run.path})` : ""}`;

function matrix(state) {
  const rows = groups.map((group) => {
    const cells = runs.map((run) => {
      const all = [...run.byRule.values()].filter((rule) => groupOf(rule.id) === group);
      const rules = all.filter((rule) => wants(state, rule));
      if (rules.length === 0) return make("td", { class: "cell none" }, all.length ? "filtered" : "not judged");
      const verdict = worst(rules.map((rule) => rule.verdict));
      return make("td", { class: "cell" }, make("a", { href: address(["cell", group, String(run.index)], state), "aria-label": `${group}, ${runTitle(run)}: ${verdict}` }, counts(rules)));
    });
    return make("tr", {}, make("th", { scope: "row" }, group), cells);
  });
  return [
    make("h1", { tabindex: -1 }, "Conformance results"),
    runs.filter((run) => !run.ended).map((run) => make("p", { class: "fail" }, `The run of ${runTitle(run)} was stopped before its end: this is what it had decided.`)),
    filter(state),
    make("div", { class: "scroll" }, make("table", {},
      make("caption", {}, "Requirements by group and implementation. A cell leads to its requirements."),
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "group"), runs.map((run) => make("th", { scope: "col" }, make("a", { href: address(["run", String(run.index)], state) }, runTitle(run)))))),
      make("tbody", {}, rows))),
  ];
}

function back(state, ...steps) {
  return make("nav", { "aria-label": "Where you are" }, make("a", { href: address([], state) }, "all results"), steps.map(([text, parts]) => [" › ", make("a", { href: address(parts, state) }, text)]));
}

function cell(state, group, number) {
  const run = runs[number];
  const rules = [...run.byRule.values()].filter((rule) => groupOf(rule.id) === group && wants(state, rule)).sort((a, b) => rank(a.verdict) - rank(b.verdict) || a.id.localeCompare(b.id));
  return [
    back(state),
    make("h1", { tabindex: -1 }, `${group}: ${runTitle(run)}`),
    filter(state),
    make("div", { class: "scroll" }, make("table", {},
      make("thead", {}, make("tr", {}, ["verdict", "requirement", "level", "what it says"].map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, rules.map((rule) => {
        const row = data.rules[rule.id] || {};
        return make("tr", {}, make("td", {}, told(rule.verdict)),
          make("th", { scope: "row" }, make("a", { href: address(["rule", rule.id, String(number)], state) }, rule.id)),
          make("td", {}, row.level || ""), make("td", {}, row.text || ""));
      })))),
  ];
}

function lines(text, other) {
  const theirs = new Set(other.split("\n").map((line) => line.trim()));
  return make("pre", { tabindex: 0 }, text.split("\n").map((line) => (theirs.has(line.trim()) || !line.trim() ? `${line}\n` : make("mark", {}, `${line}\n`))));
}
function pair(one) {
  if (!one.expected && !one.seen) return null;
  return make("div", { class: "pair" },
    make("div", {}, make("strong", {}, "expected"), lines(one.expected, one.seen)),
    make("div", {}, make("strong", {}, "seen"), lines(one.seen, one.expected)));
}
function evidence(one, frame) {
  if (!one.evidence) return null;
  const command = `tshark -r ${/^[\w./-]+$/.test(one.evidence) ? one.evidence : `'${one.evidence.replaceAll("'", "'\\''")}'`} -V${frame ? ` -Y 'frame.number == ${frame}'` : ""}`;
  return make("p", {}, make("a", { href: one.link, download: true }, "capture"), frame ? `, frame ${frame}: ` : ": ", make("code", {}, command), " ",
    navigator.clipboard ? make("button", { type: "button", on: { click: () => navigator.clipboard.writeText(command) } }, "copy") : null);
}

function rule(state, id, number) {
  const run = runs[number];
  const row = data.rules[id] || {};
  const result = run.byRule.get(id) || { verdict: "none", findings: [], cases: [], example: "" };
  const shown = new Set();
  return [
    back(state, [groupOf(id), ["cell", groupOf(id), String(number)]]),
    make("h1", { tabindex: -1 }, `${id}: ${runTitle(run)} `, told(result.verdict)),
    make("p", {}, row.text || "This version of peerscope does not know the requirement."),
    make("dl", {}, make("dt", {}, "where it stands"), make("dd", {}, row.document ? `${row.document}, section ${row.section}` : ""), make("dt", {}, "level"), make("dd", {}, row.level || ""), make("dt", {}, "binds"), make("dd", {}, row.binds || "")),
    make("h2", {}, `Findings (${result.findings.length})`),
    result.findings.length === 0 ? make("p", {}, result.example || "None.") : null,
    result.findings.map((finding) => {
      const fresh = !shown.has(finding.of);
      shown.add(finding.of);
      return make("section", { class: `finding ${style(finding.verdict)}` },
        make("p", {}, told(finding.verdict), ` ${finding.detail}`),
        make("p", {}, [finding.of.name, finding.where].filter(Boolean).join(": ")),
        evidence(finding.of, finding.frame), fresh ? pair(finding.of) : null);
    }),
    make("h2", {}, `Scenarios about it (${result.cases.length})`),
    make("ul", {}, result.cases.map((one) => make("li", {}, told(one.verdict), " ", one.name, one.reason ? `: ${one.reason}` : "", evidence(one, 0)))),
  ];
}

function whole(state, number) {
  const run = runs[number];
  return [
    back(state),
    make("h1", { tabindex: -1 }, runTitle(run)),
    make("dl", {}, make("dt", {}, "command"), make("dd", {}, run.command), make("dt", {}, "peerscope"), make("dd", {}, `${run.version}, rules ${run.rules}`), make("dt", {}, "results"), make("dd", {}, run.path), make("dt", {}, "exit code"), make("dd", {}, run.ended ? String(run.exit) : "none: the run was stopped")),
    make("div", { class: "scroll" }, make("table", {}, make("caption", {}, `${run.cases.length} scenarios`),
      make("thead", {}, make("tr", {}, ["verdict", "scenario", "seconds", "reason"].map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, [...run.cases].sort((a, b) => rank(a.verdict) - rank(b.verdict)).map((one) => make("tr", {}, make("td", {}, told(one.verdict)), make("th", { scope: "row" }, one.name), make("td", {}, one.seconds.toFixed(2)), make("td", {}, one.note || one.reason)))))),
  ];
}

function show() {
  const state = read();
  const [view, first, second] = state.parts;
  const number = Number(view === "run" ? first : second);
  const known = Number.isInteger(number) && number >= 0 && number < runs.length;
  let content = null;
  if (view === "cell" && known) content = cell(state, first, number);
  else if (view === "rule" && known) content = rule(state, first, number);
  else if (view === "run" && known) content = whole(state, number);
  else content = matrix(state);
  const typing = document.activeElement && document.activeElement.id === "words";
  main.replaceChildren(...content.flat(9).filter(Boolean));
  const title = main.querySelector("h1");
  document.title = `${title.textContent} - Peerscope`;
  (typing ? document.getElementById("words") : title).focus({ preventScroll: typing });
}
addEventListener("hashchange", show);
show();
