// The console begins here: the header, and the page that the address means.

import "./elements/theme-switch.js";
import { announce, el, problem, show } from "./dom.js";
import { sign, icon } from "./elements/icons.js";
import { mlflowHome, page } from "./places.js";
import { follow } from "./router.js";
import { overview } from "./pages/overview.js";
import { run } from "./pages/run.js";
import { service } from "./pages/service.js";
import { task } from "./pages/task.js";
import { workspaces } from "./pages/workspaces.js";

const content = document.getElementById("content");
const header = document.getElementById("header");
const theme = el("theme-switch");
let leaving = new AbortController();
let shown = "";

follow((parts, query, arrived) => {
  const [, workspace, kind, id] = parts;
  if (parts.length === 0) open(workspaces, {}, arrived);
  else if (parts[0] !== "workspaces" || !workspace) open(nowhere, {}, arrived);
  else if (parts.length === 2) open(overview, { workspace, query }, arrived);
  else if (parts.length === 4 && kind === "runs") open(run, { workspace, id, query }, arrived);
  else if (parts.length === 4 && kind === "services") open(service, { workspace, id, query }, arrived);
  else if (parts.length === 4 && kind === "tasks") open(task, { workspace, id }, arrived);
  else open(nowhere, { workspace }, arrived);
});

/** Leave the page that is shown and open another one in its place. */
function open(show_, given, arrived) {
  leaving.abort();
  leaving = new AbortController();
  crumbs(given.workspace, []);
  if (location.pathname !== shown) scrollTo(0, 0);
  shown = location.pathname;
  content.setAttribute("aria-busy", "true");
  const tell = {
    signal: leaving.signal,
    titled,
    crumbs: (more) => crumbs(given.workspace, more),
    ready: () => ready(arrived),
  };
  show_(content, given, tell).catch((error) => {
    if (error.name === "AbortError") return;
    titled("Not to be shown");
    show(
      content,
      el("h1", { tabindex: -1 }, error.status === 404 ? "Not found" : "This page cannot be shown"),
      problem(error),
    );
    ready(arrived);
  });
}

/** The page is there: who came by a link is taken to its heading. */
function ready(arrived) {
  content.removeAttribute("aria-busy");
  if (!arrived) return;
  content.querySelector("h1")?.focus({ preventScroll: true });
  announce(document.title);
}

function titled(text) {
  document.title = text ? `${text} – AML Plugins` : "AML Plugins";
}

/** Draw the header: where we are, and what else there is. */
function crumbs(workspace, more) {
  const all = [workspace ? { text: workspace, href: page.workspace(workspace) } : null, ...more].filter(Boolean);
  show(
    header,
    el("a.brand", { href: page.workspaces(), "data-key": "brand" }, sign(), el("span", {}, "AML Plugins")),
    el(
      "nav.crumbs",
      { "aria-label": "Where you are" },
      el(
        "ol",
        {},
        all.map((crumb, index) =>
          el(
            "li",
            {},
            crumb.href
              ? el("a", { href: crumb.href, "aria-current": index === all.length - 1 ? "page" : null }, crumb.text)
              : el("span", { "aria-current": "page" }, crumb.text),
          ),
        ),
      ),
    ),
    el("a.quiet.button", { href: mlflowHome(workspace), "data-key": "mlflow" }, "MLflow", icon("out")),
    theme,
  );
}

async function nowhere(node, _, { titled: name, ready: done }) {
  name("Not found");
  show(
    node,
    el("h1", { tabindex: -1 }, "Not found"),
    el("p", {}, "There is no such page. ", el("a", { href: page.workspaces() }, "See your workspaces")),
  );
  done();
}
