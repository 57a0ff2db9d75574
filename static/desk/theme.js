// Blocking, so that no page is ever shown in the wrong colours. The back office keeps its own choice
// under the same name in the browser's storage, as "auto", "light" or "dark".
(() => {
  "use strict";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => {
    try {
      return JSON.parse(localStorage.getItem("adminTheme"));
    } catch {
      return null;
    }
  };
  const show = () => {
    const wanted = root.dataset.theme;
    root.classList.toggle("dark", wanted === "dark" || (wanted === "system" && dark.matches));
  };
  const words = {auto: "system", light: "light", dark: "dark"};
  if (!root.hasAttribute("data-own")) root.dataset.theme = words[stored()] || "system";
  show();
  dark.addEventListener("change", show);
  new MutationObserver(() => {
    const name = Object.keys(words).find((each) => words[each] === root.dataset.theme);
    try {
      localStorage.setItem("adminTheme", JSON.stringify(name));
    } catch { /* A browser that stores nothing forgets it. */ }
    show();
  }).observe(root, {attributeFilter: ["data-theme"]});
  addEventListener("storage", (event) => {
    const wanted = event.key === "adminTheme" ? words[stored()] : null;
    if (wanted && wanted !== root.dataset.theme) root.dataset.theme = wanted;
  });
})();
