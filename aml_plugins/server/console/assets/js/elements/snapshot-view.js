// The source as it was at submission: its tree, and one file of it with line numbers.

import { read } from "../api.js";
import { el, problem } from "../dom.js";
import { count, size } from "../format.js";
import { data } from "../places.js";
import { items, shownFile, treeOf } from "./file-tree.js";

const MOST_LINES = 10_000;

class SnapshotView extends HTMLElement {
  /** Bring the tree; once. */
  async load(workspace, run, script) {
    if (this.place) return;
    this.place = ["workspaces", workspace, "runs", run, "snapshot"];
    this.file = el(
      "section.file-view",
      { "aria-live": "polite", "aria-label": "File" },
      el("p.empty", {}, "Choose a file."),
    );
    try {
      const { files, left_out: left } = await read(data(this.place));
      const list = items(
        treeOf(files),
        (name, file) => shownFile(name, file.size, (button) => this.show(file.path, button)),
        files.length < 40,
      );
      const note = left ? el("p.empty", {}, `${count(left, "more file")} not listed`) : null;
      this.replaceChildren(
        el(
          "div.split",
          {},
          el("nav", { "aria-label": "Files of the snapshot" }, el("ul.tree", {}, list), note),
          this.file,
        ),
      );
      if (files.some((file) => file.path === script)) this.show(script, null);
    } catch (error) {
      this.place = null;
      this.replaceChildren(problem(error));
    }
  }

  async show(path, button) {
    for (const other of this.querySelectorAll(".row[aria-current]")) other.removeAttribute("aria-current");
    button?.setAttribute("aria-current", "true");
    try {
      this.file.replaceChildren(...content(await read(data([...this.place, "file"], { path }))));
    } catch (error) {
      this.file.replaceChildren(problem(error));
    }
  }
}
customElements.define("snapshot-view", SnapshotView);

function content({ path, size: bytes, text, whole, link }) {
  const head = el("h2", {}, path, el("span.size", {}, size(bytes)));
  if (link) return [head, el("p", {}, "A link to ", el("code", {}, text ?? "?"))];
  if (text === null) return [head, el("p.empty", {}, "This file is not text.")];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const shown = lines.slice(0, MOST_LINES).map((line) => el("span.line", {}, `${line}\n`));
  const cut = !whole || lines.length > MOST_LINES;
  return [
    head,
    el("pre.code", { tabindex: 0, role: "region", "aria-label": `Text of ${path}` }, shown),
    cut ? el("p.empty", {}, "The rest of the file is left out here; the snapshot that MLflow lists has it.") : null,
  ].filter(Boolean);
}
