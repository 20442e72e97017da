// The button that ends a run, after a question.

import { change } from "../api.js";
import { announce, el, problem } from "../dom.js";
import { confirmed } from "../elements/confirm-dialog.js";
import { ended } from "../elements/small.js";
import { data } from "../places.js";

/** Return the button, or nothing where there is nothing to cancel, or not for this user. */
export function cancelButton(state, changed) {
  const { run, value } = state;
  if (ended(run.state) || !value.may_cancel) return null;
  if (run.cancel_requested_at) return el("button", { type: "button", disabled: true }, "Cancel requested");
  const button = el(
    "button.danger",
    { type: "button", "data-key": "cancel", on: { click: () => cancel(state, button, changed) } },
    "Cancel run",
  );
  return button;
}

async function cancel(state, button, changed) {
  const yes = await confirmed({
    title: "Cancel this run?",
    text: "The script is asked to end. What it has written so far is kept.",
    yes: "Cancel the run",
    no: "Let it run",
  });
  if (!yes) return button.focus();
  button.disabled = true;
  try {
    const { run } = await change(data(["workspaces", state.workspace, "runs", state.run.run_id, "cancel"]));
    state.run = { ...state.run, ...run };
    announce("The run was asked to end.");
    changed();
  } catch (error) {
    button.disabled = false;
    button.after(problem(error));
  }
}
