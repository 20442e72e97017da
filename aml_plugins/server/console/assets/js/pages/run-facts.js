// What is known of a run, as a list of terms.

import { el } from "../dom.js";
import { age, ended, took } from "../elements/small.js";
import { size } from "../format.js";
import { page } from "../places.js";

/** Return the entries of the list. */
export function facts({ workspace, run, value }) {
  const over = ended(run.state);
  const tags = Object.entries(value.tags);
  const all = [
    [
      "Experiment",
      el(
        "a",
        {
          href: page.workspace(workspace, new URLSearchParams({ experiment: run.experiment_name }).toString()),
          "data-key": "experiment",
        },
        run.experiment_name,
      ),
    ],
    ["Target", run.target === run.target_type ? run.target : [run.target, el("span.kind", {}, run.target_type)]],
    ["Script", el("code", {}, run.script)],
    ["User", run.user],
    ["Submitted", age(run.created_at)],
    run.started_at ? ["Ran for", took(run.started_at, run.ended_at, over)] : null,
    run.attempt > 1 ? ["Attempt", String(run.attempt)] : null,
    ...(run.earlier_attempts ?? []).map((one) => [
      `Attempt ${one.number}`,
      `${one.lost ? "Lost its machine" : "Failed"}${one.reason ? `: ${one.reason}` : ""}`,
    ]),
    run.exit_code !== null ? ["Exit code", String(run.exit_code)] : null,
    run.native_state && !over ? ["Target says", run.native_state] : null,
    run.link && /^https?:\/\//.test(run.link)
      ? ["On the target", el("a", { href: run.link, rel: "noreferrer", "data-key": "link" }, run.link)]
      : null,
    run.parent_run_id
      ? [
          "Parent",
          el(
            "a.mono",
            { href: page.run(workspace, run.parent_run_id), "data-key": "parent" },
            run.parent_run_id.slice(0, 8),
          ),
        ]
      : null,
    value.snapshot
      ? [
          "Snapshot",
          [
            el("code", { title: value.snapshot.digest }, value.snapshot.digest.slice(0, 12)),
            el("span.dim", {}, size(value.snapshot.size)),
          ],
        ]
      : null,
    ["Run id", el("code.long", {}, run.run_id)],
    value.note ? ["Note", el("p.note", {}, value.note)] : null,
    tags.length
      ? [
          "Tags",
          el(
            "ul.tags",
            {},
            tags.map(([name, text]) => el("li", {}, text ? `${name}: ${text}` : name)),
          ),
        ]
      : null,
    ...value.tasks.map((task) => [
      task.kind,
      el("a", { href: page.task(workspace, task.task_id), "data-key": task.task_id }, task.state),
    ]),
  ];
  return all.filter(Boolean).map(([term, text]) => el("div", {}, el("dt", {}, term), el("dd", {}, text)));
}
