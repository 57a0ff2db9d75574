// The page's colours for what is drawn on a canvas: those of theme.css, told anew when they change.
const NAMES = ["panel", "line", "line-strong", "text", "quiet", "faint", "accent", "gain", "loss", "warn", "paper", "hover"];

export function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name.replace("-s", "S"), style.getPropertyValue(`--${name}`).trim()]));
}

export const faded = (colour, percent) => `${colour}${Math.round(percent * 2.55).toString(16).padStart(2, "0")}`;

export function whenColoursChange(act) {
  new MutationObserver(act).observe(document.documentElement, {attributeFilter: ["class", "data-palette"]});
  document.addEventListener("look", act);
}
