// The lists beside and above the runs.

import { el } from "../dom.js";
import { age, badge, progress, words } from "../elements/small.js";
import { count, short } from "../format.js";
import { page } from "../places.js";

/** Say that a list goes on, and which command shows the rest. */
export const goesOn = (more, command) => (more ? el("p.dim", {}, "There are more: ", el("code", {}, command)) : null);

const WAITING = ["NotStarted", "Preparing", "Queued"];

/** What is under way, with how far it is. */
export function taskList(workspace, tasks) {
  if (!tasks.length) return el("p.empty", {}, "Nothing is under way.");
  return el(
    "ul.tasks",
    {},
    tasks.map((task) => taskItem(workspace, task)),
  );
}

function taskItem(workspace, task) {
  const isRun = task.kind === "run" && task.run_state;
  const name = isRun ? task.run_name || task.script || short(task.subject) : `${task.kind} ${task.subject}`;
  const href = isRun ? page.run(workspace, task.subject) : page.task(workspace, task.task_id);
  return el(
    "li",
    {},
    el(
      "div.line-of",
      {},
      el("a.name", { href, "data-key": `task-${task.task_id}` }, name),
      isRun ? el("span.dim", {}, `${task.experiment_name} on ${task.target}`) : null,
      badge(isRun ? task.run_state : task.state),
    ),
    progress(task.progress, `Progress of ${name}`),
    el(
      "div.line-of.dim",
      {},
      el("span.message", {}, task.message || "–"),
      el("span", {}, "since ", age(task.created_at)),
    ),
  );
}

/** The compute targets, each with its state and its queue; that of a created one leads to its creation. */
export function targetCards(workspace, targets) {
  return targets.map(({ name, type, slots, queue, state, reason, task }) => {
    const many = Object.values(queue).reduce((sum, runs) => sum + runs, 0);
    const waiting = WAITING.reduce((sum, state) => sum + (queue[state] ?? 0), 0);
    const busy = many - waiting;
    return el(
      "li.card",
      {},
      el("h3", {}, name, type && type !== name ? el("span.kind", {}, type) : null),
      el(
        "p",
        {},
        task
          ? el("a", { href: page.task(workspace, task), "data-key": `creation-${name}` }, badge(state))
          : badge(state),
      ),
      reason ? el("p.dim", {}, reason.split("\n")[0]) : null,
      el(
        "p",
        {
          title:
            Object.entries(queue)
              .map(([state, runs]) => `${words(state)}: ${runs}`)
              .join(", ") || null,
        },
        many
          ? [busy ? `${busy} running` : null, waiting ? `${waiting} waiting` : null].filter(Boolean).join(", ")
          : "Idle",
      ),
      slots
        ? el("meter", {
            min: 0,
            max: slots,
            value: Math.min(busy, slots),
            "aria-label": `${count(busy, "run")} on ${count(slots, "slot")} of ${name}`,
          })
        : null,
    );
  });
}

/** The datastores. */
export function datastoreList(datastores) {
  return datastores.map(({ name, type, default: first }) =>
    el("li", {}, el("span", {}, name), el("span.kind", {}, type), first ? el("span.kind", {}, "default") : null),
  );
}

/** The services with their health. An endpoint is shown, not linked to: it is what somebody wrote. */
export function serviceList(workspace, services) {
  return services.map(({ name, type, state, image, endpoint, reason, looked_at: looked }) =>
    el(
      "li",
      {},
      el(
        "div.line-of",
        {},
        el("a.name", { href: page.service(workspace, name), "data-key": `service-${name}` }, name),
        badge(state),
      ),
      el("p.dim", {}, [type, image].filter(Boolean).join(", ")),
      endpoint ? el("p", {}, el("code.long", {}, endpoint)) : null,
      reason ? el("p.dim", {}, reason.split("\n")[0]) : null,
      looked ? el("p.dim", {}, "looked at ", age(looked)) : null,
    ),
  );
}

/** The images: the newest version of each, which leads to the task that built it. */
export function imageList(workspace, images) {
  return images.map(({ name, version, state, created_at: created, reason }) =>
    el(
      "li",
      {},
      el(
        "div.line-of",
        {},
        el(
          "span",
          {},
          el("a.name", { href: page.task(workspace, `image-${name}-${version}`), "data-key": `image-${name}` }, name),
          el("span.kind", {}, `version ${version}`),
        ),
        badge(state),
      ),
      el("p.dim", {}, age(created)),
      reason ? el("p.dim", {}, reason.split("\n")[0]) : null,
    ),
  );
}
