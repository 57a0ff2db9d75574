// What can be done by keys, and by which unless a person has chosen others. `on` names the pages where
// it can; without it, all. `inFields`: keys with Ctrl or Alt do it while somebody writes, too.
import {_} from "./words.js";

export const GROUPS = {
  everywhere: _("Everywhere"), go: _("Go to"), page: _("Page"), rows: _("Rows"),
  positions: _("Positions"), orders: _("Orders"), trade: _("Trade"),
};
const POSITIONS = ["positions", "trade"];
const ORDERS = ["orders", "trade"];

export const TABLE = {
  palette: {keys: "Ctrl+k", label: _("Find and do"), group: "everywhere", inFields: true},
  keys: {keys: "?", label: _("Show all keys"), group: "everywhere"},
  filters: {keys: "/", label: _("To the filters"), group: "page", on: ["positions", "orders", "lists"]},
  close: {keys: "c", label: _("Close"), group: "positions", on: POSITIONS},
  "close-half": {keys: "Shift+C", label: _("Close half"), group: "positions", on: POSITIONS},
  stops: {keys: "e", label: _("Change the stops"), group: "positions", on: POSITIONS},
  "break-even": {keys: "0", label: _("Stop to break-even"), group: "positions", on: POSITIONS},
  "change-order": {keys: "e", label: _("Change the order"), group: "orders", on: ["orders"]},
  cancel: {keys: "Delete", label: _("Cancel the order"), group: "orders", on: ORDERS},
  "cancel-shown": {keys: "Shift+Delete", label: _("Cancel all orders that are shown"), group: "orders", on: ORDERS},
  "choose-market": {keys: "/", label: _("Choose a market"), group: "trade", on: ["trade"]},
  "new-order": {keys: "n", label: _("New order"), group: "trade", on: ["trade"]},
  buy: {keys: "b", label: _("Buy"), group: "trade", on: ["trade"]},
  sell: {keys: "s", label: _("Sell"), group: "trade", on: ["trade"]},
  market: {keys: "m", label: _("Market order"), group: "trade", on: ["trade"]},
  limit: {keys: "l", label: _("Limit order"), group: "trade", on: ["trade"]},
  send: {keys: "Ctrl+Enter", label: _("Send the order"), group: "trade", on: ["trade"], inFields: true},
};

// Keys that lists, forms and dialogs are walked by, and those that a browser gives to no page.
export const WALKING = new Set(["Enter", "Escape", "Tab", "Shift+Tab", "Space", "Backspace", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "j", "k", "x"]);
export const BROWSERS = new Set(["Ctrl+t", "Ctrl+n", "Ctrl+w", "Ctrl+Shift+T", "Ctrl+Shift+N", "Ctrl+Shift+W", "Ctrl+Tab", "Alt+F4"]);
