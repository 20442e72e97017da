// A question before something is done that cannot be undone.

import { el } from "../dom.js";

/**
 * Ask. Escape and the first button mean no.
 * @returns {Promise<boolean>} whether the answer was yes.
 */
export function confirmed({ title, text, yes, no }) {
  return new Promise((resolve) => {
    const close = (answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    const dialog = el(
      "dialog",
      { "aria-labelledby": "question", "aria-describedby": "explanation", on: { cancel: () => close(false) } },
      el("h2", { id: "question" }, title),
      el("p", { id: "explanation" }, text),
      el(
        "div.buttons",
        {},
        el("button", { type: "button", on: { click: () => close(false) } }, no),
        el("button.danger", { type: "button", on: { click: () => close(true) } }, yes),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
