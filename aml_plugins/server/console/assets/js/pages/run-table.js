// Runs as rows.

import { el } from "../dom.js";
import { age, badge, ended, took } from "../elements/small.js";
import { short } from "../format.js";
import { page } from "../places.js";

const COLUMNS = [
  ["State", ""],
  ["Run", ""],
  ["Experiment", "middle"],
  ["Target", "middle"],
  ["User", "wide"],
  ["Submitted", ""],
  ["Took", "middle"],
];

/** Make the table around the rows. */
export function runTable(rows) {
  const head = COLUMNS.map(([text, room]) => el("th", { scope: "col", "data-room": room || null }, text));
  return el(
    "table.runs",
    {},
    el("caption.for-readers", {}, "Runs, newest first"),
    el("thead", {}, el("tr", {}, head)),
    rows,
  );
}

/** Make the rows. */
export function runRows(workspace, runs) {
  return runs.map((run) => {
    const over = ended(run.state);
    const state = !over && run.cancel_requested_at ? "CancelRequested" : run.state;
    return el(
      "tr",
      {},
      el("td", {}, badge(state)),
      el(
        "th",
        { scope: "row" },
        el(
          "a.name",
          { href: page.run(workspace, run.run_id), "data-key": run.run_id },
          run.name || run.script || short(run.run_id),
        ),
        el("span.dim", {}, el("span.mono", {}, short(run.run_id)), el("span.narrow-only", {}, run.target)),
      ),
      el("td", { "data-room": "middle" }, run.experiment_name),
      el("td", { "data-room": "middle" }, run.target),
      el("td", { "data-room": "wide" }, run.user),
      el("td", {}, age(run.created_at)),
      el("td", { "data-room": "middle" }, took(run.started_at, run.ended_at, over)),
    );
  });
}
