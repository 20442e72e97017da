// The filter above the runs.

import { el } from "../dom.js";
import { icon } from "../elements/icons.js";

const STATES = [
  ["", "All states"],
  ["active", "Not ended"],
  ["Queued", "Queued"],
  ["Running", "Running"],
  ["Completed", "Completed"],
  ["Failed", "Failed"],
  ["Canceled", "Canceled"],
];
const TYPING = 250;

/**
 * Make the filter.
 * @param {object} wanted - what is chosen at first.
 * @param {Function} changed - gets a filter's name and its new value.
 * @returns an element; `update` takes the choices there are now.
 */
export function filterBar(wanted, changed) {
  let timer = 0;
  const typed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => changed("text", text.value.trim()), TYPING);
  };
  const text = el("input", {
    type: "search",
    value: wanted.text,
    placeholder: "Name, script, user or id",
    "aria-label": "Find runs",
    on: { input: typed },
  });
  const state = choice("State", STATES, wanted.state, (value) => changed("state", value));
  const experiment = choice("Experiment", named("All experiments", [], wanted.experiment), wanted.experiment, (value) =>
    changed("experiment", value),
  );
  const target = choice("Compute target", named("All targets", [], wanted.target), wanted.target, (value) =>
    changed("target", value),
  );
  const bar = el(
    "div.filters",
    { role: "search", "aria-label": "Runs" },
    el("span.search", {}, icon("search"), text),
    state,
    experiment,
    target,
  );
  bar.update = (choices) => {
    options(experiment, named("All experiments", choices.experiments, experiment.value));
    options(target, named("All targets", choices.targets, target.value));
  };
  return bar;
}

function choice(label, pairs, chosen, changed) {
  const select = el("select", { "aria-label": label, on: { change: () => changed(select.value) } });
  options(select, pairs);
  select.value = chosen;
  return select;
}

/** Put in new options where they are not the old ones; the chosen one stays. */
function options(select, pairs) {
  if (JSON.stringify(pairs) === select.dataset.pairs) return;
  const chosen = select.value;
  select.replaceChildren(...pairs.map(([value, text]) => el("option", { value }, text)));
  select.dataset.pairs = JSON.stringify(pairs);
  select.value = pairs.some(([value]) => value === chosen) ? chosen : "";
}

/** The names there are, and the chosen one even if there is none such. */
function named(all, names, chosen) {
  const known = chosen && !names.includes(chosen) ? [...names, chosen] : names;
  return [["", all], ...known.map((name) => [name, name])];
}
