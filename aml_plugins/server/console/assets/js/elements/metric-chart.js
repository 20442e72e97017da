// One metric as a small line, drawn when it comes into sight. Readers get its values in words and as a table.

import { read } from "../api.js";
import { el, problem, svg } from "../dom.js";
import { count, number } from "../format.js";

const WIDTH = 320;
const HEIGHT = 120;
const ROOM = { top: 12, right: 10, bottom: 20, left: 52 };
const LISTED = 100;

class MetricChart extends HTMLElement {
  connectedCallback() {
    if (this.watcher) return;
    this.key = this.getAttribute("key");
    this.append(el("h2", {}, this.key), el("p.value", {}, number(this.last)), el("div.drawing"));
    this.watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && this.load(), {
      rootMargin: "200px",
    });
    this.watcher.observe(this);
  }

  disconnectedCallback() {
    this.watcher?.disconnect();
    this.watcher = null;
    this.replaceChildren();
  }

  get last() {
    return this.value;
  }

  async load() {
    this.watcher.disconnect();
    try {
      this.draw(await read(this.getAttribute("address")));
    } catch (error) {
      this.querySelector(".drawing").replaceChildren(problem(error));
    }
  }

  draw({ points, count: many }) {
    const drawn = points.filter(([, value]) => typeof value === "number");
    const drawing = this.querySelector(".drawing");
    if (!drawn.length) {
      drawing.replaceChildren(el("p.empty", {}, "None of its values can be drawn."));
      return;
    }
    const last = points.at(-1)[1];
    this.querySelector(".value").textContent = number(last);
    drawing.replaceChildren(
      drawn.length > 1 ? line(this.key, drawn, many) : el("p.empty", {}, "One value so far."),
      el("details", {}, el("summary", {}, "Values"), table(this.key, points, many)),
    );
  }
}
customElements.define("metric-chart", MetricChart);

function line(key, points, many) {
  const steps = points.map(([step]) => step);
  // Values that were logged without a step stand beside each other in their order.
  const spread = new Set(steps).size > 1;
  const xs = spread ? steps : points.map((_, index) => index);
  const ys = points.map(([, value]) => value);
  const [x, y] = [scale(xs, ROOM.left, WIDTH - ROOM.right), scale(ys, HEIGHT - ROOM.bottom, ROOM.top)];
  const path = points.map((_, index) => `${index ? "L" : "M"}${x(xs[index])} ${y(ys[index])}`).join("");
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const label = `${key}: ${count(many, "value")}, lowest ${number(low)}, highest ${number(high)}, last ${number(ys.at(-1))}`;
  return svg(
    "svg.chart",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    svg("path.grid", {
      d: `M${ROOM.left} ${y(low)}H${WIDTH - ROOM.right}M${ROOM.left} ${y(high)}H${WIDTH - ROOM.right}`,
    }),
    svg("path.area", { d: `${path}L${x(xs.at(-1))} ${HEIGHT - ROOM.bottom}L${x(xs[0])} ${HEIGHT - ROOM.bottom}Z` }),
    svg("path.line", { d: path }),
    svg("text.end", { x: ROOM.left - 7, y: Number(y(high)) + 4 }, brief(high)),
    low < high ? svg("text.end", { x: ROOM.left - 7, y: Number(y(low)) + 4 }, brief(low)) : null,
    svg("circle.point", { cx: x(xs.at(-1)), cy: y(ys.at(-1)), r: 3 }),
    svg("text", { x: ROOM.left, y: HEIGHT - 5 }, spread ? `step ${number(Math.min(...xs))}` : "first"),
    svg("text.end", { x: WIDTH - ROOM.right, y: HEIGHT - 5 }, spread ? `step ${number(Math.max(...xs))}` : "last"),
  );
}

/** A number short enough for the edge of a drawing. */
function brief(value) {
  const far = value !== 0 && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3);
  return far ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

function scale(values, from, to) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low;
  return (value) => (span ? from + ((value - low) / span) * (to - from) : (from + to) / 2).toFixed(1);
}

function table(key, points, many) {
  const shown = points.slice(-LISTED);
  const rows = shown.map(([step, value]) => el("tr", {}, el("td", {}, number(step)), el("td", {}, number(value))));
  const caption = shown.length < many ? `The last of ${count(many, "value")} of ${key}` : `Values of ${key}`;
  return el(
    "div.scrolling",
    { tabindex: 0, role: "region", "aria-label": caption },
    el(
      "table",
      {},
      el("caption.for-readers", {}, caption),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Step"), el("th", { scope: "col" }, "Value"))),
      el("tbody", {}, rows),
    ),
  );
}
