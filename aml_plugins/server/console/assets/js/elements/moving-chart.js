// A figure as it moves while the page is open. Readers get it in words.

import { el, svg } from "../dom.js";

const WIDTH = 320;
const HEIGHT = 96;
const ROOM = { top: 12, right: 8, bottom: 8, left: 52 };

/**
 * Draw one figure.
 * @param {string} title - what it is.
 * @param {Array} points - [seconds, value]; a value may be null, where nothing was counted.
 * @param {Function} words - says a value for people.
 */
export function movingChart(title, points, words) {
  const known = points.filter(([, value]) => value !== null);
  const last = points.at(-1)?.[1] ?? null;
  return el(
    "div.card.moving",
    {},
    el("h2", {}, title),
    el("p.value", {}, last === null ? "–" : words(last)),
    el("div.drawing", {}, known.length > 1 ? drawing(title, known, words) : el("p.empty", {}, "Looking …")),
  );
}

function drawing(title, points, words) {
  const values = points.map(([, value]) => value);
  const high = Math.max(...values);
  const [begin, end] = [points[0][0], points.at(-1)[0]];
  const x = (time) => (ROOM.left + ((time - begin) / (end - begin || 1)) * (WIDTH - ROOM.right - ROOM.left)).toFixed(1);
  const y = (value) => (HEIGHT - ROOM.bottom - (value / (high || 1)) * (HEIGHT - ROOM.bottom - ROOM.top)).toFixed(1);
  const path = points.map(([time, value], index) => `${index ? "L" : "M"}${x(time)} ${y(value)}`).join("");
  const label = `${title}: now ${words(values.at(-1))}, highest ${words(high)} since this page was opened`;
  return svg(
    "svg.chart",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    svg("path.grid", { d: `M${ROOM.left} ${y(0)}H${WIDTH - ROOM.right}M${ROOM.left} ${y(high)}H${WIDTH - ROOM.right}` }),
    svg("path.area", { d: `${path}L${x(end)} ${y(0)}L${x(begin)} ${y(0)}Z` }),
    svg("path.line", { d: path }),
    svg("text.end", { x: ROOM.left - 7, y: Number(y(high)) + 4 }, words(high)),
    high > 0 ? svg("text.end", { x: ROOM.left - 7, y: Number(y(0)) + 3 }, "0") : null,
  );
}
