// The list of all keys, where each can be changed: what is pressed stands in the field until Enter.
import {h, one, replace} from "./dom.js";
import {actions, changed, conflict, fixed, isChanged, keysOf, nameOf} from "./keys.js";
import {GROUPS} from "./key_table.js";
import {keep} from "./settings.js";
import {_} from "./words.js";

const MOST_AFTER_EACH_OTHER = 2;
const MODIFIERS = new Set(["Control", "Shift", "Alt", "Meta", "AltGraph", "CapsLock", "Dead"]);

export const keycaps = (keys) => keys.split(" ").flatMap((each, place) => [place ? " " : null, h("kbd", {}, each.replace(/^(Ctrl|Alt)\+([a-z])$/, (whole, mod, letter) => `${mod}+${letter.toUpperCase()}`))]);

export function showKeys() {
  const body = h("div", {class: "key-rows"});
  const error = h("p", {class: "field-error", id: "keys-error", role: "alert"});
  const close = h("button", {class: "button main", type: "button", onclick: () => shown.close()}, _("Close"));
  const reset = h("button", {class: "button", type: "button", id: "keys-reset", onclick: () => change(Object.fromEntries(changed().map((name) => [name, null])))}, _("All as at first"));
  const shown = h("dialog", {class: "keys", "aria-label": _("Keyboard")},
    h("div", {class: "inside"}, h("h2", {}, _("Keyboard")), h("p", {class: "quiet"}, _("Choose keys to change them.")), body, error,
      h("div", {class: "acts"}, reset, close)));

  async function change(changes) {
    error.textContent = "";
    await keep({keys: changes});
    document.dispatchEvent(new CustomEvent("keys"));
    draw();
  }

  function draw(focused) {
    const groups = Map.groupBy([...actions(), ...fixed()], ({group}) => group);
    replace(body, ...Object.entries(GROUPS).filter(([group]) => groups.has(group)).flatMap(([group, label]) => [
      h("h3", {}, label), h("dl", {}, ...groups.get(group).flatMap((each) => [h("dt", {}, each.name ? button(each) : keycaps(each.keys)), h("dd", {}, each.label)])),
    ]));
    reset.disabled = !changed().length;
    if (focused) one(`[data-keys-of="${focused}"]`, body)?.focus();
  }

  const button = ({name, keys, label}) => h("button", {
    type: "button", class: `keycap${isChanged(name) ? " is-changed" : ""}`, dataset: {keysOf: name},
    "aria-label": _("%(label)s: %(keys)s. Change", {label, keys}), onclick: (event) => edit(event.currentTarget, name, label),
  }, ...keycaps(keys));

  // The keys themselves are pressed: Enter keeps them, Escape leaves them, Backspace begins again.
  function edit(place, name, label) {
    let pressed = [];
    error.textContent = "";
    const field = h("input", {class: "key-field", readonly: true, value: keysOf(name), "aria-label": _("New keys: %(label)s", {label}), "aria-describedby": "keys-error", title: _("Press the keys, then Enter. Backspace begins again, Escape leaves them.")});
    const first = h("button", {type: "button", class: "button small", disabled: !isChanged(name), onclick: () => change({[name]: null}).then(() => draw(name))}, _("As at first"));
    field.addEventListener("keydown", async (event) => {
      const keys = nameOf(event);
      if (MODIFIERS.has(event.key) || keys === "Tab" || keys === "Shift+Tab") return;
      event.preventDefault();
      event.stopPropagation();
      if (keys === "Escape") return draw(name);
      if (keys === "Backspace") pressed = [];
      else if (keys === "Enter") return decide();
      else pressed = [...(pressed.length < MOST_AFTER_EACH_OTHER ? pressed : []), keys];
      field.value = pressed.join(" ");
      error.textContent = pressed.length ? conflict(name, field.value) : "";
      field.setAttribute("aria-invalid", String(Boolean(error.textContent)));
    });
    async function decide() {
      if (!pressed.length) return draw(name);
      if (conflict(name, field.value)) return null;
      await change({[name]: field.value});
      return draw(name);
    }
    place.replaceWith(h("span", {class: "key-edit"}, field, first));
    field.focus();
  }

  draw();
  shown.addEventListener("close", () => shown.remove());
  one("#layers").append(shown);
  shown.showModal();
  close.focus();
}
