// The price chart: candles, volume, lines that can be dragged, marks of deals. Numbers of the wire are
// strings; they become floats here only, to be drawn. What a line says and where a drag ends are
// strings again, snapped to the tick by digits.
//
//   const chart = new PriceChart(node, {onDrop: (line, price) => …, onPick: (price) => …, onOlder: (before) => …})
//   chart.setMarket({decimals, step})   chart.setCandles(rows, seconds)   chart.put(rows)
//   chart.setLines([{id, price, title, colour, style, drags}])   chart.setMarks(deals)
import {
  CandlestickSeries, createChart, createSeriesMarkers, CrosshairMode, HistogramSeries, LineStyle, TickMarkType,
} from "../../vendor/lightweight-charts/lightweight-charts.js";
import {facts} from "../facts.js";
import {addDec, fromNumber, shown, snapped} from "../numbers.js";
import {zone} from "../times.js";
import {colours, faded, whenColoursChange} from "./colours.js";

const NEAR_PX = 5;
const MOST_LINES = 30;
const DAY_S = 86400;
const OLDER_AT = 20;
const LINES_WITHIN = 1.2; // Times what the candles span.

// Rows [time ms, open, high, low, close, volume] as bars: whole, ascending, each time once.
export function bars(rows) {
  const found = new Map();
  for (const [at, ...values] of rows) {
    const [open, high, low, close, volume] = values.map((value) => (value === null ? NaN : Number(value)));
    const whole = Number.isInteger(at) && [open, high, low, close].every(Number.isFinite);
    if (whole) found.set(at, {time: Math.floor(at / 1000), open, high, low, close, volume: Number.isFinite(volume) ? volume : 0});
  }
  return [...found.keys()].sort((a, b) => a - b).map((at) => found.get(at));
}

export class PriceChart {
  #lines = new Map();
  #moved = new Map();
  #bars = [];
  #deals = [];
  #drag = null;
  #decimals = 2;
  #step = null;
  #seconds = 60;

  constructor(place, {onDrop, onPick, onOlder}) {
    Object.assign(this, {place, onDrop, onPick, onOlder});
    this.chart = createChart(place, {autoSize: true, ...this.#look(), crosshair: {mode: CrosshairMode.Normal}});
    this.series = this.chart.addSeries(CandlestickSeries, {priceLineVisible: true, autoscaleInfoProvider: (own) => this.#range(own())});
    this.volume = this.chart.addSeries(HistogramSeries, {priceScaleId: "volume", priceFormat: {type: "volume"}, lastValueVisible: false, priceLineVisible: false});
    this.chart.priceScale("volume").applyOptions({scaleMargins: {top: 0.86, bottom: 0}});
    this.series.priceScale().applyOptions({scaleMargins: {top: 0.08, bottom: 0.18}});
    this.marks = createSeriesMarkers(this.series, []);
    this.#dress();
    whenColoursChange(() => this.#dress());
    document.addEventListener("zone", () => this.#dress());
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range && range.from < OLDER_AT && this.#bars.length) this.onOlder(this.#bars[0].time * 1000);
    });
    this.#draggable();
  }

  // --- how it looks ------------------------------------------------------------------------------
  #look() {
    const its = colours();
    const local = zone() === "local";
    return {
      layout: {background: {color: its.panel}, textColor: its.quiet, attributionLogo: false, fontSize: 11, fontFamily: getComputedStyle(document.body).fontFamily},
      grid: {vertLines: {color: faded(its.line, 60)}, horzLines: {color: faded(its.line, 60)}},
      rightPriceScale: {borderColor: its.line},
      timeScale: {borderColor: its.line, timeVisible: true, secondsVisible: false, rightOffset: 6,
        tickMarkFormatter: (time, kind) => this.#tick(time, kind, local)},
      localization: {locale: facts.language, timeFormatter: (time) => this.#when(time, local), priceFormatter: (price) => shown(fromNumber(price, this.#decimals), this.#decimals)},
    };
  }

  // Lines that are not too far away belong to what is seen: else nobody could take hold of them.
  #range(its) {
    if (!its?.priceRange) return its;
    const {minValue, maxValue} = its.priceRange;
    const reach = (maxValue - minValue) * LINES_WITHIN || maxValue * 0.01;
    const near = [...this.#lines.values()].map(({line}) => Number(line.price)).filter((price) => price > minValue - reach && price < maxValue + reach);
    return {...its, priceRange: {minValue: Math.min(minValue, ...near), maxValue: Math.max(maxValue, ...near)}};
  }

  #dress() {
    const its = colours();
    this.chart.applyOptions(this.#look());
    this.series.applyOptions({upColor: its.gain, downColor: its.loss, wickUpColor: its.gain, wickDownColor: its.loss, borderVisible: false, priceLineColor: its.faint});
    this.#volumes();
    this.#showMarks();
    this.onDress?.();
  }

  // Daily bars are days of UTC wherever somebody sits; other times follow the page's switch.
  #parts(time, local) {
    const zone_ = local && this.#seconds < DAY_S ? undefined : "UTC";
    const form = (options) => new Intl.DateTimeFormat(facts.language, {timeZone: zone_, hourCycle: "h23", ...options}).format(time * 1000);
    return {time: form({hour: "2-digit", minute: "2-digit"}), day: form({day: "numeric", month: "short"}), month: form({month: "short"}), year: form({year: "numeric"})};
  }

  #tick(time, kind, local) {
    const its = this.#parts(time, local);
    if (kind === TickMarkType.Year) return its.year;
    if (kind === TickMarkType.Month) return its.month;
    return kind === TickMarkType.DayOfMonth ? its.day : its.time;
  }

  #when(time, local) {
    const its = this.#parts(time, local);
    return this.#seconds < DAY_S ? `${its.day} ${its.time}` : `${its.day} ${its.year}`;
  }

  // --- candles -----------------------------------------------------------------------------------
  setMarket({decimals, step}) {
    this.#decimals = decimals;
    this.#step = step;
    this.series.applyOptions({priceFormat: {type: "price", precision: decimals, minMove: 10 ** -decimals}});
  }

  clear() {
    this.#moved.clear();
    this.#bars = [];
    this.#deals = [];
    this.setLines([]);
    this.series.setData([]);
    this.volume.setData([]);
    this.marks.setMarkers([]);
  }

  setCandles(rows, seconds) {
    this.#seconds = seconds;
    this.#bars = bars(rows);
    this.series.setData(this.#bars);
    this.#volumes();
    this.#showMarks();
    this.chart.timeScale().applyOptions({rightOffset: 6});
    this.chart.timeScale().scrollToRealTime();
  }

  addOlder(rows) {
    const first = this.#bars[0]?.time ?? Infinity;
    const older = bars(rows).filter((bar) => bar.time < first);
    if (!older.length) return false;
    this.#bars = [...older, ...this.#bars];
    this.series.setData(this.#bars);
    this.#volumes();
    this.#showMarks();
    return true;
  }

  // The newest candles again, as they are now.
  put(rows) {
    if (!this.#bars.length) return;
    for (const bar of bars(rows)) this.#putBar(bar);
  }

  // The last price moves the last bar until its candle is told.
  tickTo(price, atMs) {
    const last = this.#bars.at(-1);
    const value = Number(price);
    if (!last || !Number.isFinite(value) || !atMs) return;
    const time = Math.floor(atMs / 1000 / this.#seconds) * this.#seconds;
    if (time !== last.time) return;
    this.#putBar({...last, close: value, high: Math.max(last.high, value), low: Math.min(last.low, value)});
  }

  #putBar(bar) {
    const last = this.#bars.at(-1);
    if (bar.time > last.time) this.#bars.push(bar);
    else {
      const place = this.#bars.findLastIndex((each) => each.time === bar.time);
      if (place < 0) return;
      this.#bars[place] = bar;
    }
    this.series.update(bar, bar.time < last.time);
    this.volume.update(this.#volumeOf(bar), bar.time < last.time);
  }

  #volumeOf(bar) {
    return {time: bar.time, value: bar.volume, color: this.volumeColours[bar.close >= bar.open ? 0 : 1]};
  }

  #volumes() {
    const its = colours();
    this.volumeColours = [faded(its.gain, 28), faded(its.loss, 28)];
    this.volume.setData(this.#bars.map((bar) => this.#volumeOf(bar)));
  }

  // --- deals -------------------------------------------------------------------------------------
  setMarks(deals) {
    this.#deals = deals;
    this.#showMarks();
  }

  // One mark per bar and side, and only inside what is loaded: others would stick to the edge.
  #showMarks() {
    const first = this.#bars[0]?.time;
    const last = this.#bars.at(-1)?.time;
    const joined = new Map();
    const its = colours();
    for (const deal of this.#deals) {
      const time = Math.floor(Date.parse(deal.executed_at) / 1000 / this.#seconds) * this.#seconds;
      if (first === undefined || time < first || time > last) continue;
      const name = `${time} ${deal.side}`;
      joined.set(name, {time, side: deal.side, qty: addDec(joined.get(name)?.qty ?? "0", deal.qty ?? "0")});
    }
    this.marks?.setMarkers([...joined.values()].sort((a, b) => a.time - b.time).map(({time, side, qty}) => ({
      time, position: side === "buy" ? "belowBar" : "aboveBar", shape: side === "buy" ? "arrowUp" : "arrowDown",
      color: side === "buy" ? its.gain : its.loss, text: shown(qty), size: 1,
    })));
  }

  // --- lines -------------------------------------------------------------------------------------
  // The nearest to the last price; a line that is being moved stays where it was put.
  setLines(wanted) {
    const last = this.#bars.at(-1)?.close ?? 0;
    const nearest = [...wanted].sort((a, b) => Math.abs(Number(a.price) - last) - Math.abs(Number(b.price) - last)).slice(0, MOST_LINES);
    const kept = new Set(nearest.map((each) => each.id));
    for (const [id, {drawn}] of this.#lines) {
      if (kept.has(id)) continue;
      this.series.removePriceLine(drawn);
      this.#lines.delete(id);
    }
    for (const line of nearest) this.#setLine(line);
    this.place.dataset.lines = [...kept].join(" ");
  }

  #setLine(line) {
    const price = this.#moved.get(line.id) ?? line.price;
    const look = {price: Number(price), title: line.title, color: line.colour, lineWidth: line.width ?? 1,
      lineStyle: {solid: LineStyle.Solid, dashed: LineStyle.Dashed, dotted: LineStyle.Dotted}[line.style ?? "solid"], axisLabelVisible: true};
    const told = JSON.stringify(look);
    const known = this.#lines.get(line.id);
    if (!known) this.#lines.set(line.id, {drawn: this.series.createPriceLine(look), line, told});
    else {
      if (known.told !== told) known.drawn.applyOptions(look);
      Object.assign(known, {line, told});
    }
  }

  // Where a line is on the page, in pixels from the chart's top; null where it is not seen.
  yOf(id) {
    const known = this.#lines.get(id);
    return known ? this.series.priceToCoordinate(Number(this.#moved.get(id) ?? known.line.price)) : null;
  }

  // Puts a line elsewhere until it is let go of; null lets go.
  move(id, price) {
    if (price === null) this.#moved.delete(id);
    else this.#moved.set(id, price);
    const known = this.#lines.get(id);
    if (known) this.#setLine(known.line);
  }

  #near(y) {
    let best = null;
    for (const [id, {line}] of this.#lines) {
      if (!line.drags) continue;
      const away = Math.abs((this.yOf(id) ?? Infinity) - y);
      if (away <= NEAR_PX && (!best || away < best.away)) best = {away, line};
    }
    return best?.line ?? null;
  }

  #priceAt(y) {
    const value = this.series.coordinateToPrice(y);
    if (value === null || value <= 0) return null;
    const text = fromNumber(value, this.#decimals);
    return this.#step ? snapped(text, this.#step) : text;
  }

  #draggable() {
    const place = this.place;
    const yIn = (event) => event.clientY - place.getBoundingClientRect().top;
    let pressed = null;
    place.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const line = this.#near(yIn(event));
      pressed = {x: event.clientX, y: event.clientY};
      if (!line) return;
      event.preventDefault();
      event.stopPropagation();
      this.#drag = line;
      place.setPointerCapture(event.pointerId);
      this.chart.applyOptions({handleScroll: false, handleScale: false});
    }, true);
    place.addEventListener("pointermove", (event) => {
      if (!this.#drag) {
        place.classList.toggle("on-line", Boolean(this.#near(yIn(event))));
        return;
      }
      const price = this.#priceAt(yIn(event));
      if (price !== null) this.move(this.#drag.id, price);
    }, true);
    const drop = (event) => {
      const line = this.#drag;
      if (line) {
        this.#drag = null;
        this.chart.applyOptions({handleScroll: true, handleScale: true});
        const price = this.#moved.get(line.id);
        if (price === undefined) return;
        if (price === line.price || event.type === "pointercancel") this.move(line.id, null);
        else this.onDrop(line, price);
      } else if (pressed && event.type === "pointerup" && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < 3) {
        const price = this.#priceAt(yIn(event));
        if (price !== null) this.onPick(price);
      }
      pressed = null;
    };
    place.addEventListener("pointerup", drop, true);
    place.addEventListener("pointercancel", drop, true);
  }
}
