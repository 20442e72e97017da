// The last lines of each version's log, read while somebody looks.

import { Reader } from "../api.js";
import { el, show } from "../dom.js";
import { data } from "../places.js";

/** Make the panel; `look` reads anew while `isOpen`. */
export function logPanel({ place, signal }) {
  const node = el("div");
  const reader = new Reader(data([...place, "log"]));
  node.isOpen = false;
  node.look = async () => {
    if (!node.isOpen) return;
    const value = await reader.read(signal);
    if (value) draw(node, value);
  };
  show(node, el("p.empty", {}, "Reading …"));
  return node;
}

function draw(node, { logs, is_within_reach: isHere }) {
  if (!logs.length) {
    show(node, el("p.empty", {}, isHere ? "Nothing was logged." : "This server cannot see the service's log."));
    return;
  }
  const places = [...node.querySelectorAll("pre")].map(({ scrollTop, scrollHeight, clientHeight }) => ({
    top: scrollTop,
    follows: scrollHeight - scrollTop - clientHeight < 24,
  }));
  show(
    node,
    logs.map(({ key, image, text }) =>
      el(
        "section",
        {},
        el("h2", {}, image),
        el(
          "pre.code.flat.tail",
          { tabindex: 0, role: "region", "aria-label": `Log of ${image}, ${key}`, "data-key": `log-${key}` },
          text || "Nothing was logged.",
        ),
      ),
    ),
  );
  [...node.querySelectorAll("pre")].forEach((shown, index) => {
    const before = places[index];
    shown.scrollTop = !before || before.follows ? shown.scrollHeight : before.top;
  });
}
