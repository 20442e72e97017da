// One task: how far it is and what it said.

import { Reader } from "../api.js";
import { announce, el, problem, show } from "../dom.js";
import { badge, ended, progress, words } from "../elements/small.js";
import { age } from "../elements/small.js";
import { data, page } from "../places.js";
import { poll } from "../polling.js";
import { eventsPanel } from "./run-panels.js";

export async function task(node, { workspace, id }, { signal, titled, crumbs, ready }) {
  const reader = new Reader(data(["workspaces", workspace, "tasks", id]));
  const trouble = el("div", { "aria-live": "polite" });
  const body = el("div");
  let state = "";
  const draw = (value) => {
    if (!value) return;
    const now = value.task.state;
    if (state && state !== now) announce(`The task is now ${words(now).toLowerCase()}.`);
    state = now;
    show(body, ...content(workspace, value));
  };
  const first = await reader.read(signal);
  const name = `${first.task.kind} ${first.task.subject}`;
  titled(name);
  crumbs([{ text: name }]);
  draw(first);
  show(node, el("div.title.apart", {}, el("h1", { tabindex: -1 }, name)), trouble, body);
  ready();
  const look = async () => {
    if (!ended(state)) draw(await reader.read(signal));
    trouble.replaceChildren();
  };
  poll(look, 1500, signal, (error) => show(trouble, problem(error)));
}

function content(
  workspace,
  {
    task: { state, message, kind, created_at: created, updated_at: updated, progress: far, result },
    events,
    more,
    run_id: run,
  },
) {
  return [
    el(
      "div.card",
      {},
      el("div.line-of", {}, badge(state), el("span.message", {}, message)),
      ended(state) ? null : progress(far, "Progress of the task"),
    ),
    el(
      "dl.facts.wide",
      {},
      fact("Kind", kind),
      fact("Begun", age(created)),
      fact("Last change", age(updated)),
      run ? fact("Run", el("a.mono", { href: page.run(workspace, run), "data-key": "run" }, run.slice(0, 8))) : null,
    ),
    result
      ? el(
          "section",
          {},
          el("h2", {}, "Result"),
          el("pre.code.flat", { tabindex: 0, role: "region", "aria-label": "Result" }, JSON.stringify(result, null, 2)),
        )
      : null,
    el("section", {}, el("h2", {}, "Events"), eventsPanel({ events }, more.events)),
  ].filter(Boolean);
}

const fact = (term, text) => el("div", {}, el("dt", {}, term), el("dd", {}, text));
