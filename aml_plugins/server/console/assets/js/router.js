// Which page an address means. Links of ours change the page without loading it anew; reloading shows the same.

import { parts } from "./places.js";

/**
 * Follow the address.
 * @param {Function} show - gets the address's parts and query, and whether somebody has just come here.
 */
export function follow(show) {
  let presented = null;
  const present = (arrived) => {
    const found = parts(location.pathname);
    // A jump within the page is told like a change of page.
    if (!found || (arrived && location.hash && location.pathname === presented)) return;
    presented = location.pathname;
    show(found, new URLSearchParams(location.search), arrived);
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (link.origin !== location.origin || link.target || link.hasAttribute("download")) return;
    if (parts(link.pathname) === null || (link.hash && link.pathname === location.pathname)) return;
    event.preventDefault();
    go(link.href);
  });
  addEventListener("popstate", () => present(true));
  addEventListener("aml:go", () => present(true));
  present(false);
}

/** Go to an address of ours. */
export function go(address) {
  history.pushState(null, "", address);
  dispatchEvent(new Event("aml:go"));
}

/** Note in the address what is shown now, without going anywhere. */
export function note(address) {
  history.replaceState(history.state, "", address);
}
