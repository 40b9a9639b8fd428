// SPDX-License-Identifier: GPL-2.0-or-later
// A flow as a sequence diagram: a lane a party, an arrow a message, drawn as wide as its place is.

// In pixels at the usual size of letters; a projector's are larger.
const kRow = 46;
const kHead = 44;
const kMostLanes = 8;

function timeText(seconds) {
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${(seconds * 1000).toFixed(1)} ms`;
  return `${seconds.toFixed(2)} s`;
}

// The implementation under test stands right; parties beyond the last lane share it.
function lanesOf(messages) {
  const names = [...new Set(messages.flatMap((message) => [message.from, message.to]))];
  names.sort((a, b) => (a === "iut") - (b === "iut"));
  return names.length <= kMostLanes ? names : [...names.slice(0, kMostLanes - 1), "others"];
}

// Of a long flow: its beginning and what is near a finding.
function shownRows(messages, hits, all) {
  const kBefore = 4;
  const kAfter = 2;
  if (all || messages.length <= 20) return messages.map((_, at) => at);
  const near = new Set([0, 1]);
  messages.forEach((message, at) => {
    if (!hits.some((hit) => hit.frame === message.frame && isBad(hit.verdict))) return;
    for (let i = Math.max(0, at - kBefore); i <= Math.min(messages.length - 1, at + kAfter); ++i) near.add(i);
  });
  for (let i = 0; near.size < 8 && i < messages.length; ++i) near.add(i);
  return [...near].sort((a, b) => a - b);
}

// What stands in the diagram from top to bottom: messages, gaps, and the silence that broke a rule.
function diagramRows(messages, hits, all) {
  const out = [];
  let next = 0;
  for (const at of shownRows(messages, hits, all)) {
    if (at > next) out.push({ gap: at - next });
    next = at + 1;
    const own = hits.filter((hit) => hit.frame === messages[at].frame);
    out.push({ message: messages[at], hits: own.filter((hit) => !hit.missing) });
    const silence = own.filter((hit) => hit.missing);
    if (silence.length) out.push({ message: messages[at], hits: silence, silence: true });
  }
  if (next < messages.length) out.push({ gap: messages.length - next });
  return out;
}

// `hits`: the findings to mark. `select(frame)`: an arrow was chosen.
function flow(one, hits, chosen, select) {
  const lanes = lanesOf(one.flow);
  const figure = make("figure", { class: "flow" });
  let all = false;
  let width = 0;
  let selected = chosen;

  const paint = () => {
    const scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    const pixels = figure.clientWidth || 640;
    width = pixels / scale;
    const narrow = width < 560;
    const left = narrow ? 44 : 116;
    const gap = (width - left - 16) / lanes.length;
    const laneX = (name) => {
      const at = lanes.indexOf(name);
      return left + gap * ((at < 0 ? lanes.length - 1 : at) + 0.5);
    };
    const rows = diagramRows(one.flow, hits, all);
    const height = kHead + rows.length * kRow + 14;
    const letters = (pixels) => Math.max(3, Math.floor(pixels / 7.4));
    const svg = draw("svg", { width: pixels, height: height * scale, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `Sequence diagram: ${counted(one.flow.length, "message")} between ${lanes.join(", ")}` });
    for (const name of lanes) {
      const x = laneX(name);
      const box = Math.min(gap - 8, 200);
      svg.append(draw("line", { class: "lane", x1: x, y1: kHead - 8, x2: x, y2: height - 6 }),
        draw("rect", { class: name === "iut" ? "party iut" : "party", x: x - box / 2, y: 6, width: box, height: 28, rx: 6 }),
        draw("text", { class: "party", x, y: 25, "text-anchor": "middle" }, draw("title", {}, name), cut(name, letters(box))));
    }
    rows.forEach((row, at) => svg.append(rowOf(row, kHead + at * kRow + 28)));
    const hidden = rows.some((row) => row.gap);
    figure.replaceChildren(svg, make("figcaption", {},
      hidden ? make("button", { type: "button", on: { click: () => { all = true; paint(); } } }, `Show all ${one.flow.length} messages`) : null,
      one.left_out > 0 ? ` ${counted(one.left_out, "message")} more in the capture.` : null));

    function rowOf(row, y) {
      if (row.gap) return draw("text", { class: "gap", x: left + 8, y: y - 6 }, `… ${counted(row.gap, "message")}`);
      const { message, silence } = row;
      const verdict = worst(row.hits.map((hit) => hit.verdict));
      const [from, to] = silence ? [message.to, message.from] : [message.from, message.to];
      const x1 = laneX(from);
      const x2 = laneX(to);
      const forward = x2 > x1 ? 1 : -1;
      const labelX = Math.min(x1, x2) + 6;
      const name = silence ? "nothing came" : message.name;
      const marks = row.hits.filter((hit) => isBad(hit.verdict)).map((hit) => hit.rule);
      const label = `${marks.length ? `${sign(verdict)} ` : ""}${name}`;
      const said = `${silence ? `After frame ${message.frame} nothing came from ${from} to ${to}` : `Frame ${message.frame}, ${from} to ${to}: ${message.name}`}${row.hits.length ? `; ${verdict}: ${[...new Set(row.hits.map((hit) => hit.rule))].join(", ")}` : ""}`;
      const bad = marks.length ? ` bad ${style(verdict)}` : "";
      const end = x1 === x2 ? x1 + 26 : x2;
      return draw("a", {
        class: `arrow${bad}${silence ? " silence" : ""}`, href: address(["case", String(one.run), String(one.index), String(message.frame)], {}), "aria-label": said,
        "data-frame": message.frame, "aria-current": message.frame === selected && !silence ? "true" : null,
        on: { click: (event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          selected = message.frame;
          paint();
          select(message.frame);
        } },
      },
      draw("title", {}, `${said}${row.hits.length ? `\n${row.hits.map((hit) => hit.detail).join("\n")}` : ""}`),
      draw("rect", { class: "row", x: 0, y: y - 30, width, height: kRow - 2, rx: 4 }),
      draw("text", { class: "frame", x: 6, y: y - 4 }, narrow ? String(message.frame) : `${message.frame}`),
      narrow || silence ? null : draw("text", { class: "time", x: left - 8, y: y - 4, "text-anchor": "end" }, timeText(message.at)),
      draw("line", { class: "wire", x1, y1: y, x2: end - forward * 8, y2: y }),
      draw("path", { class: "head", d: `M${end} ${y}l${-forward * 10} -5v10z` }),
      draw("text", { class: "name", x: labelX, y: y - 7 }, cut(label, letters(width - labelX - 6))));
    }
  };
  new ResizeObserver(() => { if (Math.abs(figure.clientWidth - figure.firstChild?.clientWidth) > 1) paint(); }).observe(figure);
  requestAnimationFrame(paint);
  return figure;
}
