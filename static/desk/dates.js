// A field for a day, or for a day with its time: typed as ISO, never in the browser's own order of day
// and month; the zone stands beside it; the browser's picker is offered as a button.
import {h, icon} from "./dom.js";
import {typedTime} from "./times.js";
import {_} from "./words.js";

export const whyNoTime = (why, needsTime) => ({
  no_date: needsTime ? _("Write it as 2026-01-31 14:30.") : _("Write the day as 2026-01-31."),
  no_such_day: _("There is no such day."),
  no_time: _("Give the time too: 2026-01-31 14:30."),
}[why] ?? "");

// {input, beside}: the field, and what stands beside it. What the picker
// fills in is told as if it were typed.
export function dateInput({id, value = "", needsTime = false, label}) {
  const input = h("input", {id, class: "date", value, inputmode: "numeric", autocomplete: "off", spellcheck: "false", maxlength: "19", placeholder: needsTime ? "YYYY-MM-DD hh:mm" : "YYYY-MM-DD"});
  const picker = h("input", {type: needsTime ? "datetime-local" : "date", class: "picker", tabindex: "-1", "aria-hidden": "true", onchange: () => {
    input.value = picker.value.replace("T", " ");
    for (const name of ["input", "change"]) input.dispatchEvent(new Event(name, {bubbles: true}));
    input.focus();
  }});
  picker.addEventListener("input", (event) => event.stopPropagation());
  const button = h("button", {type: "button", class: "icon-button pick", "aria-label": _("Choose from a calendar: %(label)s", {label}), onclick: () => {
    const {day, time} = typedTime(input.value, {takesTime: true});
    picker.value = day ? day + (needsTime ? `T${time ?? "00:00"}` : "") : "";
    picker.showPicker();
  }}, icon("calendar"));
  return {input, beside: [h("span", {class: "zone quiet"}, "UTC"), h("span", {class: "pick-place"}, button, picker)]};
}
