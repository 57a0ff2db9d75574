// Elements without HTML: children are nodes or text, and text is only ever text.
const SVG = "http://www.w3.org/2000/svg";
import {facts} from "./facts.js";

// h("button", {class: "button", type: "button", onclick: f, dataset: {id: 3}}, "Close")
export function h(name, given = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "dataset") Object.assign(made.dataset, value);
    else if (key === "value" || key === "checked" || key === "disabled" || key === "hidden") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((each) => each !== null && each !== undefined && each !== false));
  return made;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${facts.static}desk/icons.svg#${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export function replace(node, ...children) {
  node.replaceChildren(...children.flat().filter((each) => each !== null && each !== undefined && each !== false));
}

// One thing that is looked for on the page; it has to be there.
export const one = (selector, within = document) => within.querySelector(selector);

// A short notice at the corner; what went wrong stays until it is closed.
export function toast(text, {kind = "good", more = ""} = {}) {
  const close = h("button", {class: "icon-button", type: "button", "aria-label": "×", onclick: () => notice.remove()}, "×");
  const notice = h("div", {class: `toast ${kind}`}, h("span", {}, text), close, more ? h("small", {}, more) : null);
  one("#toasts").append(notice);
  if (kind === "good") setTimeout(() => notice.remove(), 6000);
  return notice;
}

// A menu below a button: `fill(close)` gives its nodes, now or later. It closes by Escape, by a click elsewhere and by losing the focus.
export function menu(button, fill) {
  let shown = null;
  const close = () => {
    shown?.remove();
    shown = null;
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
  };
  const outside = (event) => {
    if (!shown.contains(event.target) && !button.contains(event.target)) close();
  };
  button.setAttribute("aria-haspopup", "true");
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", async () => {
    if (shown) return close();
    const nodes = await fill(close);
    shown = h("div", {class: "menu", onkeydown: (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        close();
        button.focus();
      }
    }});
    replace(shown, ...nodes);
    one("#layers").append(shown);
    const place = button.getBoundingClientRect();
    shown.style.top = `${place.bottom + 4}px`;
    shown.style.left = `${Math.max(6, Math.min(place.left, innerWidth - shown.offsetWidth - 6))}px`;
    button.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", outside, true);
    shown.querySelector("button, a, input")?.focus();
  });
  return close;
}
