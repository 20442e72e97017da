// What is known of a service, and what it shall be.

import { el } from "../dom.js";
import { age } from "../elements/small.js";
import { page } from "../places.js";

/** Return the entries of the list of facts. An endpoint is shown, not linked to: it is what somebody wrote. */
export function serviceFacts({ workspace, value: { service, wanted, tasks } }) {
  const all = [
    ["Type", service.type],
    service.endpoint ? ["Endpoint", el("code.long", {}, `${service.endpoint}/score`)] : null,
    ["Callers need", wanted.needs_key ? "a key" : "no key"],
    ["User", service.user || "–"],
    ["Deployed", age(service.created_at)],
    ["Last change", age(service.updated_at)],
    ...tasks
      .slice(-3)
      .reverse()
      .map((task) => [
        "Task",
        [
          el("a", { href: page.task(workspace, task.task_id), "data-key": task.task_id }, task.state),
          el("span.dim", {}, age(task.created_at)),
        ],
      ]),
  ];
  return all.filter(Boolean).map(([term, text]) => el("div", {}, el("dt", {}, term), el("dd", {}, text)));
}

/** The settings. Variables are named; their values stay where they are used. */
export function settingsPanel({ wanted }) {
  const { config, variables, image, replicas, traffic } = wanted;
  const shown = { image, replicas, traffic, ...config, ...(variables.length ? { variables } : {}) };
  return el(
    "pre.code.flat",
    { tabindex: 0, role: "region", "aria-label": "Settings", "data-key": "settings" },
    JSON.stringify(shown, null, 2),
  );
}
