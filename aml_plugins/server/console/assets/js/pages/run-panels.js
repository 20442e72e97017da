// What stands behind the tabs of a run, but for its log and its source.

import "../elements/metric-chart.js";
import { read } from "../api.js";
import { el, show } from "../dom.js";
import { downloadedFile, folder } from "../elements/file-tree.js";
import { age, badge, took, ended, words } from "../elements/small.js";
import { clock, moment, number, short } from "../format.js";
import { data, mlflowRun, page } from "../places.js";

const CHARTS = 60;

/** Metrics: a table of the last values, and a drawing of each. Drawn anew only where a value changed. */
export function metricsPanel(node, { workspace, run, value }) {
  const metrics = Object.entries(value.metrics);
  const parameters = Object.entries(value.parameters);
  const key = JSON.stringify([metrics, parameters]);
  if (node.dataset.shown === key) return;
  node.dataset.shown = key;
  const chart = ([name, last]) => {
    const made = el("metric-chart.card", {
      key: name,
      address: data(["workspaces", workspace, "runs", run.run_id, "series"], { key: name }),
    });
    made.value = last;
    return made;
  };
  show(
    node,
    metrics.length
      ? el("div.charts", {}, metrics.slice(0, CHARTS).map(chart))
      : el("p.empty", {}, "No metric was logged."),
    metrics.length
      ? pairs(
          "Last values",
          "Metric",
          metrics.map(([name, last]) => [name, number(last)]),
        )
      : null,
    parameters.length ? pairs("Parameters", "Parameter", parameters) : null,
  );
}

function pairs(caption, first, rows) {
  return el(
    "table.pairs",
    {},
    el("caption", {}, caption),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, first), el("th", { scope: "col" }, "Value"))),
    el(
      "tbody",
      {},
      rows.map(([name, text]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, text))),
    ),
  );
}

/** Files: folders that open, files that are downloaded. Read when somebody looks. */
export function filesPanel(node, { workspace, run }) {
  const place = ["workspaces", workspace, "runs", run.run_id];
  const level = async (path) => {
    const { files, left_out: left } = await read(data([...place, "files"], { path }));
    const shown = files.map((file) => {
      const name = file.path.split("/").at(-1);
      return file.directory
        ? folder(name, () => level(file.path), file.path === "outputs")
        : downloadedFile(name, file.size, data([...place, "file"], { path: file.path }));
    });
    const said = left && el("li.empty", {}, `${left} more, which are brought by `, el("code", {}, "aml run outputs"));
    return left ? [...shown, said] : shown;
  };
  node.open = () =>
    show(
      node,
      el(
        "ul.tree",
        {},
        folder("Files of the run", () => level(""), true),
      ),
    );
}

/** The run configuration as it was submitted. */
export function configurationPanel(configuration) {
  return el(
    "div",
    {},
    el(
      "pre.code.flat",
      { tabindex: 0, role: "region", "aria-label": "Run configuration" },
      JSON.stringify(configuration, null, 2),
    ),
  );
}

/** The runs below: those that were submitted have a page here, those that the script opened have one in MLflow. */
export function childrenPanel(node, { workspace, value }) {
  const key = JSON.stringify(value.children);
  if (node.dataset.shown === key) return;
  node.dataset.shown = key;
  if (!value.children.length) return show(node, el("p.empty", {}, "The run has no child runs."));
  const row = (child) => {
    const href = child.has_page
      ? page.run(workspace, child.run_id)
      : mlflowRun(workspace, child.experiment_id, child.run_id);
    return el(
      "tr",
      {},
      el("td", {}, badge(child.state)),
      el(
        "th",
        { scope: "row" },
        el("a.name", { href, "data-key": child.run_id }, child.name || short(child.run_id)),
        child.has_page ? null : el("span.dim", {}, "in MLflow"),
      ),
      el("td", {}, age(child.created_at)),
      el("td", {}, took(child.created_at, child.ended_at, ended(child.state))),
    );
  };
  const head = ["State", "Run", "Begun", "Took"].map((text) => el("th", { scope: "col" }, text));
  return show(
    node,
    el(
      "table.runs",
      {},
      el("caption.for-readers", {}, "Child runs"),
      el("thead", {}, el("tr", {}, head)),
      el("tbody", {}, value.children.map(row)),
    ),
    value.more.children ? el("p.dim", {}, "There are more, which MLflow shows.") : null,
  );
}

/** What happened, in order. */
export function eventsPanel({ events }, more = false) {
  if (!events.length) return el("p.empty", {}, "Nothing has happened yet.");
  const list = el(
    "ol.events",
    {},
    events.map((event) =>
      el(
        "li",
        {},
        el(
          "time",
          { datetime: new Date(event.time * 1000).toISOString(), title: moment(event.time) },
          clock(event.time),
        ),
        el(
          "span",
          {},
          event.new ? el("strong", {}, words(event.new)) : null,
          event.new && event.message ? " – " : null,
          event.message.split("\n")[0],
        ),
      ),
    ),
  );
  return more ? [list, el("p.dim", {}, "Later events are not shown here: ", el("code", {}, "aml task show"))] : list;
}
