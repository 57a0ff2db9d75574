// The API's words in the page's language. What has no other word is shown as it is, without its
// underscores.
import {_} from "./words.js";

const TERMS = {
  // States of orders
  PENDING_SUBMIT: _("waiting to be sent"), SENDING: _("being sent"), SUBMITTED: _("at the exchange"),
  PARTIALLY_FILLED: _("partly filled"), FILLED: _("filled"), CANCELED: _("cancelled"),
  REJECTED: _("rejected"), EXPIRED: _("expired"), UNKNOWN: _("in doubt"),
  // Types of orders
  market: _("market"), limit: _("limit"), stop: _("stop"), stop_limit: _("stop limit"),
  take_profit: _("take profit"), take_profit_limit: _("take profit limit"), trailing_stop: _("trailing stop"),
  // Where it came from
  api: "API", trader: _("trader"), portfolio_manager: _("portfolio manager"), robot: _("robot"),
  risk: _("risk manager"), external: _("not from here"), sl: _("stop loss"), tp: _("take profit"),
  close_by: _("close by"), correction: _("correction"), funding: _("funding"),
  liquidation: _("liquidation"), adl: _("auto-deleveraging"),
  // States of positions
  open: _("open"), close_requested: _("being closed"), closed: _("closed"), merged: _("merged"),
  // What a deal did
  in: _("in"), out: _("out"), inout: _("in and out"), out_by: _("out by"),
  fill: _("fill"), transfer: _("transfer"),
  // Kinds of markets
  spot: _("spot"), linear: _("linear"), inverse: _("inverse"),
  // Commands
  send_order: _("send order"), cancel_order: _("cancel order"), cancel_all_orders: _("cancel all orders"),
  change_order: _("change order"), close_position: _("close position"),
  close_all_positions: _("close all positions"), merge_positions: _("merge positions"),
  position_change: _("change position"),
  // Events
  order_accepted: _("order accepted"), order_submitted: _("order is at the exchange"),
  order_updated: _("order updated"), order_canceled: _("order cancelled"), order_rejected: _("order rejected"),
  order_expired: _("order expired"), order_unknown: _("order in doubt"), order_changed: _("order changed"),
  orders_canceled_batch: _("orders cancelled together"),
  order_change_replace_pending: _("order is being replaced"),
  order_change_replace_failed: _("order was not replaced"),
  order_change_replace_consolidated: _("order was replaced"),
  deal_created: _("deal booked"), deals_superseded: _("deals booked anew"),
  position_opened: _("position opened"), position_updated: _("position updated"),
  position_closed: _("position closed"), position_merged: _("position merged"),
  close_by_executed: _("closed by another"), reassigned: _("given to another strategy"),
};

export const term = (word) => TERMS[word] ?? String(word).replaceAll("_", " ");

export const options = (words) => words.map((each) => [each, term(each)]);

export const STATUSES = ["PENDING_SUBMIT", "SENDING", "SUBMITTED", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REJECTED", "EXPIRED", "UNKNOWN"];
export const REASONS = ["api", "trader", "portfolio_manager", "robot", "risk", "external", "sl", "tp", "close_by", "correction", "funding", "liquidation", "adl"];
