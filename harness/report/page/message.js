// SPDX-License-Identifier: GPL-2.0-or-later
// A message that broke a rule: what was expected, its fields, and its bytes with the offending ones marked.

const bytesOf = (hex) => Uint8Array.from((hex.match(/../g) || []).map((pair) => parseInt(pair, 16)));
const isText = (bytes) => {
  try {
    return !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return false;
  }
};
const inside = (at, range) => range !== null && at >= range.offset && at < range.offset + range.length;
const rangeOf = (thing) => (thing && thing.length > 0 ? { offset: thing.offset || 0, length: thing.length } : null);

// Pieces of [0, size) in which nothing changes.
function pieces(size, ranges) {
  const cuts = new Set([0, size]);
  for (const range of ranges) if (range) for (const at of [range.offset, range.offset + range.length]) if (at < size) cuts.add(at);
  const sorted = [...cuts].sort((a, b) => a - b);
  return sorted.slice(0, -1).map((at, i) => [at, sorted[i + 1]]);
}
const marked = (content, at, bad, lit) => (inside(at, bad) ? make("mark", { class: inside(at, lit) ? "bad lit" : "bad" }, content) : inside(at, lit) ? make("mark", { class: "lit" }, content) : content);

function textBytes(bytes, bad, lit) {
  const decoder = new TextDecoder("utf-8");
  return pieces(bytes.length, [bad, lit]).map(([from, to]) => marked(decoder.decode(bytes.subarray(from, to)), from, bad, lit));
}
function hexBytes(bytes, bad, lit) {
  const kPerLine = matchMedia("(max-width: 40rem)").matches ? 8 : 16;
  const lines = [];
  for (let line = 0; line < bytes.length; line += kPerLine) {
    const hex = [];
    const text = [];
    for (let at = line; at < line + kPerLine; ++at) {
      if (at >= bytes.length) { hex.push("   "); continue; }
      hex.push(marked(bytes[at].toString(16).padStart(2, "0"), at, bad, lit), " ");
      text.push(marked(bytes[at] >= 0x20 && bytes[at] < 0x7f ? String.fromCharCode(bytes[at]) : ".", at, bad, lit));
    }
    lines.push(make("span", { class: "offset" }, line.toString(16).padStart(4, "0")), "  ", hex, " ", text, "\n");
  }
  return lines;
}

// The field that a byte range means: the same bytes, or the smallest field around its beginning.
function fieldAt(fields, range) {
  if (!range) return -1;
  let best = -1;
  fields.forEach((field, at) => {
    if (!field.length || !inside(range.offset, field)) return;
    if (best < 0 || field.length <= fields[best].length || (field.offset === range.offset && field.length === range.length)) best = at;
  });
  return best;
}

function fieldTree(message, hit, light) {
  const broken = fieldAt(message.fields, rangeOf(hit));
  const rows = message.fields.map((field, at) => make("li", {
    class: at === broken ? "field broken" : "field", style: `--depth:${Math.min(field.depth, 12)}`, tabindex: at === Math.max(broken, 0) ? 0 : -1, "data-filter": field.filter,
    title: field.filter || null, "aria-current": at === broken ? "true" : null,
    on: { focus: () => light(rangeOf(field)), mouseenter: () => light(rangeOf(field)), mouseleave: () => light(null), blur: () => light(null) },
  }, at === broken ? make("span", { class: `verdict ${style(hit.verdict)}` }, `${sign(hit.verdict)} `) : null, field.text));
  const list = make("ol", { class: "fields", "aria-label": "Fields" }, rows);
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const at = rows.indexOf(document.activeElement);
    if (!step || at < 0 || !rows[at + step]) return;
    event.preventDefault();
    rows[at].tabIndex = -1;
    rows[at + step].tabIndex = 0;
    rows[at + step].focus();
  });
  return list;
}

function bytePane(message, bad) {
  const bytes = bytesOf(message.bytes);
  const pane = make("pre", { class: isText(bytes) ? "bytes wrapped" : "bytes", tabindex: 0, "aria-label": "Bytes" });
  const paint = (lit) => {
    pane.replaceChildren(...(isText(bytes) ? textBytes : hexBytes)(bytes, bad, lit).flat(9));
    if (message.size > bytes.length) pane.append(`\n… ${message.size - bytes.length} more bytes in the capture`);
    const mark = pane.querySelector(lit ? "mark.lit" : "mark.bad");
    if (mark && (mark.offsetTop < pane.scrollTop || mark.offsetTop > pane.scrollTop + pane.clientHeight - 24)) pane.scrollTop = mark.offsetTop - 40;
  };
  paint(null);
  requestAnimationFrame(() => paint(null));
  return [pane, paint];
}

// "path: expected X, seen Y; ..." names what is not as expected.
const unmetPaths = (detail) => [...(detail || "").matchAll(/(?:^|; )([^:;]{1,200}): expected /g)].map((match) => match[1]);

function expectedLines(one, detail) {
  const unmet = unmetPaths(detail);
  return make("pre", { tabindex: 0, class: "wrapped", "aria-label": "Expected" }, one.expected.split("\n").map((line) => (unmet.some((path) => line.trim().startsWith(`${path}:`)) ? make("mark", { class: "wanted" }, `${line}\n`) : `${line}\n`)));
}
function seenLines(one) {
  const theirs = new Set(one.expected.split("\n").map((line) => line.trim()));
  const lines = one.seen.split("\n");
  // Two trees of one kind are compared line by line; an outline of wishes is not.
  const alike = lines.filter((line) => theirs.has(line.trim())).length * 2 > lines.length;
  return make("pre", { tabindex: 0, class: "wrapped", "aria-label": "Seen" }, lines.map((line) => (alike && line.trim() && !theirs.has(line.trim()) ? make("mark", { class: "bad" }, `${line}\n`) : `${line}\n`)));
}

// Frame `frame` of a case, `hit` what it broke (or null).
function messagePanel(one, frame, hit) {
  const message = one.shown.find((shown) => shown.frame === frame);
  const line = one.flow.find((each) => each.frame === frame);
  const decided = hit && one.expected && (hit.where === one.step || !one.step);
  const columns = [];
  if (decided) columns.push(make("div", {}, make("h4", {}, "Expected"), expectedLines(one, hit.detail)));
  if (message && !(hit && hit.missing)) {
    const bad = rangeOf(hit);
    const [pane, light] = bytePane(message, bad);
    columns.push(make("div", {}, make("h4", {}, "Seen"), fieldTree(message, hit, light)), make("div", {}, make("h4", {}, `${counted(message.size, "byte")}`), pane));
  } else if (decided && one.seen) {
    columns.push(make("div", {}, make("h4", {}, "Seen"), seenLines(one)));
  }
  const title = hit && hit.missing ? `After frame ${frame}` : `Frame ${frame}`;
  return make("section", { class: "message", "aria-label": title },
    frame ? make("h3", { tabindex: -1 }, title, line ? make("span", { class: "quiet" }, ` ${line.from} → ${line.to}`) : null) : null,
    hit ? make("p", { class: `detail ${style(hit.verdict)}` }, told(hit.verdict), " ", hit.detail) : null,
    line && !(hit && hit.missing) ? make("p", { class: "name" }, line.name) : null,
    columns.length ? make("div", { class: `columns n${columns.length}` }, columns) : null,
    evidence(one, frame));
}

// ---- evidence

const quoted = (path) => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);

// A capture beside the page. Never another scheme or host, whatever the results file says.
function localLink(link) {
  const path = link.split("/").map((part) => encodeURIComponent(part)).join("/");
  return path.startsWith("/") ? `/${path.replace(/^\/+/, "")}` : `./${path}`;
}
function download(one) {
  const name = one.evidence.split("/").pop();
  const embedded = (data.files || {})[one.evidence];
  if (embedded === undefined) return make("a", { class: "button", href: localLink(one.link), download: name }, `Capture ${name}`);
  return make("button", { type: "button", class: "button", on: { click: () => {
    const bytes = Uint8Array.from(atob(embedded), (letter) => letter.charCodeAt(0));
    const url = URL.createObjectURL(new Blob([bytes], { type: "application/x-pcapng" }));
    make("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  } } }, `Save capture ${name}`);
}
function command(text) {
  const code = make("code", { tabindex: 0 }, text);
  return make("p", { class: "command" }, code, make("button", { type: "button", "aria-label": `Copy ${text}`, on: { click: async () => {
    getSelection().selectAllChildren(code);
    const done = navigator.clipboard ? await navigator.clipboard.writeText(text).then(() => true, () => false) : false;
    document.getElementById("said").textContent = done ? "Copied" : "Selected: copy it with the keyboard";
  } } }, "Copy"));
}
function evidence(one, frame) {
  if (!one.evidence) return null;
  return make("div", { class: "evidence" }, command(`tshark -r ${quoted(one.evidence)} -V${frame ? ` -Y 'frame.number == ${frame}'` : ""}`), make("p", {}, download(one)));
}
