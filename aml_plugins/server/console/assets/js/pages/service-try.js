// A form made of the service's schema, and what the service answers to it.

import { change, read } from "../api.js";
import { el, problem, show } from "../dom.js";
import { duration } from "../format.js";
import { data } from "../places.js";
import { fieldsOf, jsonField, Mistake } from "./service-fields.js";

/** Make the panel; the schema is asked for when somebody opens it. */
export function tryPanel(state) {
  const node = el("div");
  let asked = false;
  node.open = async () => {
    if (asked) return;
    asked = true;
    if (!state.value.may_try) {
      show(node, el("p.empty", {}, "Contributors of the workspace may try the service here."));
      return;
    }
    show(node, el("p.empty", {}, "Reading the service's schema …"));
    try {
      show(node, ...panel(state, await read(data([...state.place, "schema"]), state.signal)));
    } catch (error) {
      if (error.name === "AbortError") return;
      asked = false;
      const again = el("button", { type: "button", on: { click: () => node.open() } }, "Try again");
      show(node, problem(error), again);
    }
  };
  return node;
}

function panel(state, { schema, example }) {
  const made = fieldsOf(schema, example);
  const whole = jsonField("Request", example ?? made?.value() ?? {}, "The body of the request, as JSON.");
  const byHand = el("input", { type: "checkbox", checked: !made });
  const body = el("div.fields");
  const answer = el("div.answer", { role: "region", "aria-label": "Answer", "aria-live": "polite" });
  const sendIt = el("button.primary", { type: "submit" }, "Send");
  const arrange = () => show(body, byHand.checked || !made ? whole.node : made.node);
  byHand.addEventListener("change", () => {
    if (byHand.checked && made) takeOver(made, whole);
    arrange();
  });
  arrange();
  const submit = async (event) => {
    event.preventDefault();
    const value = read_(byHand.checked || !made ? whole : made, answer);
    if (value === undefined) return;
    sendIt.disabled = true;
    show(answer, el("p.empty", {}, "Waiting for the answer …"));
    try {
      const said = await change(data([...state.place, "try"]), { body: JSON.stringify(value) });
      show(answer, ...answered(said));
    } catch (error) {
      if (error.name !== "AbortError") show(answer, problem(error));
    } finally {
      sendIt.disabled = false;
    }
  };
  const form = el(
    "form.try",
    { "aria-label": "Request", novalidate: true, on: { submit } },
    made ? el("label.switch", {}, byHand, "Write the JSON yourself") : null,
    body,
    el("div.buttons", {}, sendIt),
  );
  return [form, answer];
}

/** Return the value of the fields, or nothing after saying what is wrong with them. */
function read_(fields, answer) {
  try {
    return fields.value();
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    show(answer, problem(error));
    error.input.focus();
    return undefined;
  }
}

function takeOver(made, whole) {
  try {
    whole.set(made.value());
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
  }
}

function answered({ status, type, milliseconds, text, is_whole: whole }) {
  const good = status < 400;
  return [
    el(
      "p.line-of",
      {},
      el("span.badge", { "data-state": good ? "Completed" : "Failed" }, `Status ${status}`),
      el("span.dim", {}, `in ${duration(milliseconds / 1000)}`),
    ),
    whole ? null : el("p.notice", {}, "The answer is longer; its beginning is shown."),
    el(
      "pre.code.flat",
      { tabindex: 0, role: "region", "aria-label": "Body of the answer" },
      type.includes("json") ? pretty(text) : text,
    ),
  ].filter(Boolean);
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
