// The only way elements are made here. Text goes in as text; there is no HTML to be had from a string.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 * @param {string} tag - "div", or "div.class.other".
 * @param {object} [properties] - attributes; `on` has listeners; null and false leave one out.
 * @param {...any} children - nodes, texts, numbers, lists of them; null and false are left out.
 */
export function el(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  return filled(document.createElement(name), classes, properties, children);
}

/** Make an SVG element, in the same way. */
export function svg(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  return filled(document.createElementNS(SVG, name), classes, properties, children);
}

function filled(node, classes, properties, children) {
  if (classes.length) node.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(properties)) {
    if (key === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (value !== null && value !== undefined && value !== false)
      node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Put children in place of what a node has; focus stays on what has the same `data-key`. */
export function show(node, ...children) {
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset?.key : undefined;
  node.replaceChildren(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  if (focused === undefined) return;
  for (const candidate of node.querySelectorAll("[data-key]")) {
    if (candidate.dataset.key === focused) candidate.focus({ preventScroll: true });
  }
}

/** Say something to those who do not see the page. */
export function announce(text) {
  document.getElementById("announcements").textContent = text;
}

/** Return a paragraph that says what is wrong and what to do. */
export function problem(error) {
  return el(
    "div.problem",
    { role: "alert" },
    el("strong", {}, error.message),
    error.fix ? el("p", {}, error.fix) : null,
  );
}
