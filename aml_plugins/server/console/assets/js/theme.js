// Before anything is painted: the theme that this browser's user chose, if they chose one.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("aml.theme");
  } catch {
    // A browser that keeps nothing follows the system.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
