// A tree of files: folders are buttons that open a list below them, so that every key and reader knows them.

import { el, problem } from "../dom.js";
import { size } from "../format.js";
import { icon } from "./icons.js";

/** A folder. `fill` returns, now or later, what belongs below it. */
export function folder(name, fill, open = false) {
  const below = el("ul.tree", { hidden: true });
  let filled = false;
  const button = el(
    "button.row.folder",
    { type: "button", "aria-expanded": "false", on: { click: () => turn() } },
    icon("chevron"),
    icon("folder"),
    el("span.name", {}, name),
  );
  const turn = async () => {
    const opening = below.hidden;
    below.hidden = !opening;
    button.setAttribute("aria-expanded", String(opening));
    if (!opening || filled) return;
    filled = true;
    try {
      const items = await fill();
      below.replaceChildren(...(items.length ? items : [el("li.empty", {}, "Empty")]));
    } catch (error) {
      filled = false;
      below.replaceChildren(el("li", {}, problem(error)));
    }
  };
  if (open) turn();
  return el("li", {}, button, below);
}

/** A file that is shown beside the tree. */
export function shownFile(name, bytes, show) {
  const button = el(
    "button.row",
    { type: "button", on: { click: () => show(button) } },
    icon("file"),
    el("span.name", {}, name),
    el("span.size", {}, size(bytes)),
  );
  return el("li", {}, button);
}

/** A file that is downloaded. */
export function downloadedFile(name, bytes, address) {
  return el(
    "li",
    {},
    el(
      "a.row",
      { href: address, download: "" },
      icon("file"),
      el("span.name", {}, name),
      el("span.size", {}, size(bytes)),
      icon("down"),
    ),
  );
}

/** Turn paths into folders: a Map of names to files or further Maps. */
export function treeOf(files) {
  const root = new Map();
  for (const file of files) {
    const parts = file.path.split("/");
    let place = root;
    for (const part of parts.slice(0, -1)) {
      if (!(place.get(part) instanceof Map)) place.set(part, new Map());
      place = place.get(part);
    }
    place.set(parts.at(-1), file);
  }
  return root;
}

/** Return the list items of such a tree, folders first. */
export function items(tree, file, open = false) {
  const entries = [...tree].sort(([a, x], [b, y]) => (y instanceof Map) - (x instanceof Map) || (a < b ? -1 : 1));
  return entries.map(([name, value]) =>
    value instanceof Map ? folder(name, () => items(value, file), open) : file(name, value),
  );
}
