// SPDX-License-Identifier: GPL-2.0-or-later
// The report page. model.js: what is shown, and the address that says which part of it; flow.js: sequence diagrams;
// message.js: a message's fields and bytes; views.js: the pages and the keyboard. The results are data: they are put
// into the page as text only, never as markup.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const main = document.getElementById("main");
// Worst first. The sign says it without colour.
const verdicts = [
  ["error", "✖", "error"], ["xpass", "✖", "fail"], ["fail", "✖", "fail"], ["unstable", "≈", "unstable"], ["inconclusive", "?", "inconclusive"],
  ["xfail", "▽", "warn"], ["warn", "▲", "warn"], ["info", "i", "info"], ["pass", "✔", "pass"], ["blocked", "–", "none"],
  ["not-applicable", "–", "none"], ["skipped", "–", "none"], ["none", "·", "none"],
];
const rank = (verdict) => {
  const at = verdicts.findIndex(([name]) => name === verdict);
  return at < 0 ? verdicts.length - 1 : at;
};
const worst = (list) => list.reduce((a, b) => (rank(b) < rank(a) ? b : a), "none");
const style = (verdict) => verdicts[rank(verdict)][2];
const sign = (verdict) => verdicts[rank(verdict)][1];
const isBad = (verdict) => rank(verdict) <= rank("warn");

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, run] of Object.entries(value)) element.addEventListener(event, run);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(9)) if (child !== null && child !== undefined && child !== false && child !== "") element.append(child);
  return element;
}
const make = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
const told = (verdict) => make("span", { class: `verdict ${style(verdict)}` }, make("span", { class: "sign", "aria-hidden": "true" }, sign(verdict)), ` ${verdict}`);
const counted = (n, one) => `${n} ${one}${n === 1 ? "" : "s"}`;
const groupOf = (id) => (id.includes("-") ? id.slice(0, id.lastIndexOf("-")) : id);
const cut = (text, most) => (text.length > most ? `${text.slice(0, Math.max(1, most - 1))}…` : text);

// ---- by run, all results of one requirement

const runs = data.runs.map((run, index) => {
  const rules = new Map();
  const of = (id) => {
    if (!rules.has(id)) rules.set(id, { id, verdict: "none", findings: [], cases: [], example: "" });
    return rules.get(id);
  };
  for (const row of run.requirements) Object.assign(of(row.id), { verdict: row.verdict, example: row.example });
  run.cases.forEach((one, at) => {
    one.index = at;
    one.run = index;
    for (const finding of one.hits) of(finding.rule).findings.push({ ...finding, of: one });
    for (const id of one.tests) of(id).cases.push(one);
  });
  for (const rule of rules.values()) rule.findings.sort((a, b) => rank(a.verdict) - rank(b.verdict));
  const past = (data.history || {})[run.series] || [];
  return { ...run, index, byRule: rules, past, before: past.filter((one) => one.id !== run.id && one.started <= run.started).pop() };
});
const groups = [...new Set(runs.flatMap((run) => [...run.byRule.keys()].map(groupOf)))].sort();
const documentOf = (group) => {
  const id = runs.flatMap((run) => [...run.byRule.keys()]).find((one) => groupOf(one) === group && data.rules[one]);
  return id ? data.rules[id].document : "other requirements";
};
const runTitle = (run) => `${(run.iut || "?").trim()}${runs.filter((other) => other.iut === run.iut).length > 1 ? ` (${run.path})` : ""}`;
// Worse than in the run before: what somebody broke lately.
const isNew = (run, rule) => Boolean(run.before) && isBad(rule.verdict) && rule.id in run.before.verdicts && rank(run.before.verdicts[rule.id]) > rank(rule.verdict);

// ---- the fragment: #/view/parts?v=fail,warn&q=words

function read() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const parameters = new URLSearchParams(query || "");
  const wanted = parameters.get("v");
  const part = (text) => {
    try { return decodeURIComponent(text); } catch { return text; }
  };
  return {
    parts: path ? path.split("/").map(part) : [],
    verdicts: wanted === null ? null : new Set(wanted.split(",")),
    words: parameters.get("q") || "",
  };
}
function address(parts, state) {
  const parameters = new URLSearchParams();
  if (state.verdicts) parameters.set("v", [...state.verdicts].join(","));
  if (state.words) parameters.set("q", state.words);
  const query = parameters.toString();
  return `#/${parts.map((part) => encodeURIComponent(part)).join("/")}${query ? `?${query}` : ""}`;
}
function wants(state, rule) {
  if (state.verdicts && !state.verdicts.has(rule.verdict)) return false;
  const text = `${rule.id} ${(data.rules[rule.id] || {}).text || ""}`.toLowerCase();
  return state.words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
