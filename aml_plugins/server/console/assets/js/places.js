// Addresses: of our pages, of the API, of MLflow's UI.

const meta = (name) => document.querySelector(`meta[name="aml-${name}"]`).content;
const base = meta("base");
const api = meta("api");
export const mlflow = meta("mlflow");

const path = (...parts) => parts.map(encodeURIComponent).join("/");

/** Addresses of pages. */
export const page = {
  workspaces: () => `${base}/`,
  workspace: (workspace, query = "") => `${base}/${path("workspaces", workspace)}${query ? `?${query}` : ""}`,
  run: (workspace, run, tab = "") => `${base}/${path("workspaces", workspace, "runs", run)}${tab ? `?tab=${tab}` : ""}`,
  service: (workspace, service, tab = "") =>
    `${base}/${path("workspaces", workspace, "services", service)}${tab ? `?tab=${tab}` : ""}`,
  task: (workspace, task) => `${base}/${path("workspaces", workspace, "tasks", task)}`,
};

/** Address of a read model. */
export function data(parts, query = {}) {
  const given = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  const text = given.toString();
  return `${api}/${path(...parts)}${text ? `?${text}` : ""}`;
}

/** The page of an experiment's run in MLflow's UI. */
export function mlflowRun(workspace, experiment, run) {
  return `${mlflow}#/${path("experiments", experiment, "runs", run)}?workspace=${encodeURIComponent(workspace)}`;
}

/** MLflow's UI in a workspace. */
export const mlflowHome = (workspace) =>
  workspace ? `${mlflow}#/?workspace=${encodeURIComponent(workspace)}` : mlflow;

/** Return the parts of an address of ours, or null where it is none. */
export function parts(pathname) {
  if (pathname !== base && !pathname.startsWith(`${base}/`)) return null;
  try {
    return pathname.slice(base.length).split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return ["?"];
  }
}
