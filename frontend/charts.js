// Draws what the `chart` macro has written: each [data-chart] holds kind, labels and figures as JSON; colours are
// the tokens of style.css, so that a chart follows light, dark and print. No colour and no text is decided here alone.
import * as echarts from "echarts/core";
import { BarChart, CustomChart, HeatmapChart, LineChart, ScatterChart, TreemapChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { LabelLayout } from "echarts/features";
import { SVGRenderer } from "echarts/renderers";

echarts.use([
  BarChart, CustomChart, HeatmapChart, LineChart, ScatterChart, TreemapChart,
  GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent, LabelLayout, SVGRenderer,
]);

const SERIES = ["brand-1", "brand-2", "series-3", "series-4", "series-5"];
const RAMP = ["ramp-1", "ramp-2", "ramp-3", "ramp-4", "ramp-5"];
const EURO = { style: "currency", currency: "EUR" };
const SHORT = { notation: "compact", maximumSignificantDigits: 3 };
const drawn = new Map(); // element -> {chart, text, observer}

export function drawAll() {
  for (const [element, { chart, observer }] of drawn) {
    if (element.isConnected) continue;
    observer.disconnect();
    chart.dispose();
    drawn.delete(element);
  }
  for (const element of document.querySelectorAll("[data-chart]")) draw(element);
}

export function redrawAll() {
  for (const one of drawn.values()) {
    one.text = "";
    one.chart.resize();
  }
  drawAll();
}

// Paper is light, whatever the screen is.
let screenTheme; // undefined while nothing is printed

function onPaper(isPaper) {
  const page = document.documentElement;
  if (isPaper === (screenTheme !== undefined)) return;
  if (isPaper) {
    screenTheme = page.dataset.theme ?? "";
    page.dataset.theme = "light";
  } else {
    if (screenTheme) page.dataset.theme = screenTheme;
    else delete page.dataset.theme;
    screenTheme = undefined;
  }
  redrawAll();
  if (isPaper) for (const svg of document.querySelectorAll(".plot svg")) svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`); // as wide as paper leaves room
}

addEventListener("beforeprint", () => onPaper(true));
addEventListener("afterprint", () => onPaper(false));
matchMedia("print").addEventListener("change", (event) => onPaper(event.matches));

function draw(element) {
  const text = element.dataset.chart;
  let one = drawn.get(element);
  if (one?.text === text) return;
  if (!one) {
    const chart = echarts.init(element, null, { renderer: "svg" });
    const observer = new ResizeObserver(() => resize(element));
    observer.observe(element);
    chart.on("click", (event) => event.data?.link && location.assign(event.data.link));
    one = { chart, observer };
    drawn.set(element, one);
  }
  one.text = text;
  one.narrow = isNarrow(element);
  const given = JSON.parse(text);
  const look = looks(element);
  one.chart.setOption({ ...base(look), ...KINDS[given.kind](given, look, element) }, true);
}

// What has become narrow, or is no more, is drawn otherwise.
function resize(element) {
  const one = drawn.get(element);
  if (isNarrow(element) === one.narrow) return one.chart.resize();
  one.text = "";
  one.chart.resize();
  draw(element);
}

const isNarrow = (element) => element.clientWidth < 480;

// The tokens as colours, and figures in the page's locale.
function looks(element) {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.forcedColorAdjust = "none";
  const cache = {};
  const colour = (token) => {
    if (!cache[token]) {
      probe.style.color = `var(--${token})`;
      cache[token] = getComputedStyle(probe).color;
    }
    return cache[token];
  };
  for (const token of ["ink", "muted", "line", "card", "better", "worse", "on-weak", "on-strong", ...SERIES, ...RAMP]) colour(token);
  probe.remove();
  const locale = document.documentElement.dataset.locale || "en-GB";
  return { colour, locale, font: getComputedStyle(element).fontFamily, narrow: isNarrow(element), width: element.clientWidth };
}

// As the page's figures are written: money compact with three digits, or in full; below 1,000 with cents.
function format(unit, look, compact = true) {
  if (unit === "EUR") {
    const cents = writer(look, EURO);
    const large = writer(look, { ...EURO, ...(compact ? { ...SHORT, minimumSignificantDigits: 3 } : { maximumFractionDigits: 0 }) });
    return (value) => (Math.abs(value) >= 999.5 ? large(value) : value ? cents(value) : writer(look, { ...EURO, ...SHORT })(0));
  }
  const options = { share: { style: "percent", maximumFractionDigits: 1 }, bits: { maximumFractionDigits: 1 } };
  const whole = writer(look, { maximumFractionDigits: 0 });
  const written = writer(look, options[unit] ?? (compact ? SHORT : { maximumFractionDigits: 2 }));
  return unit === "count" && compact ? (value) => (Number.isInteger(value) && Math.abs(value) < 10_000 ? whole : written)(value) : written;
}

// At an axis, without zeros that say nothing.
const tick = (unit, look) => (unit === "EUR" ? writer(look, { ...EURO, ...SHORT }) : unit === "count" ? writer(look, SHORT) : format(unit, look));

function writer(look, options) {
  const written = new Intl.NumberFormat(look.locale, { numberingSystem: "latn", ...options });
  return (value) => written.format(value).replace("-", "\u2212");
}

function base(look) {
  return {
    animation: false,
    textStyle: { fontFamily: look.font, fontSize: 12, color: look.colour("muted") },
    grid: { left: 4, right: 16, top: 20, bottom: 4, containLabel: true },
    tooltip: {
      renderMode: "richText", confine: true, backgroundColor: look.colour("card"), borderColor: look.colour("line"),
      textStyle: { color: look.colour("ink"), fontSize: 12 }, padding: [6, 10],
    },
  };
}

const label = (look) => ({ color: look.colour("muted"), fontSize: 12, hideOverlap: true });

function amounts(look, unit, more = {}) {
  return {
    type: "value", splitNumber: 4, axisLine: { show: false }, axisTick: { show: false },
    splitLine: { lineStyle: { color: look.colour("line") } },
    axisLabel: { ...label(look), formatter: tick(unit, look) }, ...more,
  };
}

function names(look, labels, more = {}) {
  return {
    type: "category", data: labels, axisTick: { show: false }, axisLine: { lineStyle: { color: look.colour("line") } },
    axisLabel: { ...label(look), interval: labels.length <= 12 && !look.narrow ? 0 : "auto" }, ...more,
  };
}


// Names stand at the lines themselves; above them where there is no room for it, and above bars of more than one series.
function legend(look, names, wanted) {
  const show = wanted && names.length > 1;
  let [lines, left] = [1, look.width];
  for (const name of new Set(names)) {
    const width = 32 + 7 * name.length;
    if (width > left) [lines, left] = [lines + 1, look.width];
    left -= width;
  }
  return {
    room: show ? 20 + 20 * lines : 20,
    legend: { show, data: names, left: 0, top: 0, itemWidth: 14, itemHeight: 8, itemGap: 14, selectedMode: false, textStyle: { color: look.colour("ink"), fontSize: 12, ...cut } },
  };
}

// Pixels of the longest of some names, which are cut where they leave no room for the lines.
const LONGEST_NAME = 180;
const cut = { width: LONGEST_NAME, overflow: "truncate" };
const ruler = document.createElement("canvas").getContext("2d");

function widest(texts, look) {
  ruler.font = `12px ${look.font}`;
  return Math.min(LONGEST_NAME, Math.ceil(Math.max(...texts.map((text) => ruler.measureText(text).width))));
}

const BAR = { barCategoryGap: "30%", barMaxWidth: 28 };
const hatch = (look) => ({ symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: -Math.PI / 4, color: look.colour("card") });
const token = (series, place) => series.token || SERIES[place % SERIES.length];

// Sums as columns, rates as lines; what is missing is a gap, the running period hatched, the period before muted.
function trend(given, look) {
  const last = given.labels.length - 1;
  const told = format(given.unit, look, false);
  const series = given.series.map((one, place) => {
    const colour = look.colour(token(one, place));
    if (one.type === "column") {
      return {
        name: one.name, type: "bar", barCategoryGap: "30%", itemStyle: { color: colour }, markLine: place === 0 ? upright(given, look) : undefined,
        data: one.values.map((value, at) => (given.partial && at === last ? { value, itemStyle: { decal: hatch(look), opacity: 0.75 } } : value)),
      };
    }
    const thin = one.previous;
    const isAlone = (at) => one.values[at] != null && one.values[at - 1] == null && one.values[at + 1] == null; // no line leads to it
    const dots = one.values.some((_, at) => isAlone(at));
    const line = { color: colour, width: thin ? 1.5 : 2, type: thin ? "dashed" : "solid", opacity: one.light ? 0.45 : 1 };
    return {
      name: one.name, type: "line", connectNulls: false, symbolSize: 6, lineStyle: line,
      showSymbol: dots, showAllSymbol: true, symbol: dots ? (_, { dataIndex }) => (isAlone(dataIndex) ? "circle" : "none") : "circle",
      itemStyle: { color: colour }, data: one.values, z: thin ? 1 : 3,
      endLabel: look.narrow || one.light ? undefined : { show: true, formatter: "{a}", color: colour, fontSize: 12, lineHeight: 16, distance: 6, ...cut },
      labelLayout: { moveOverlap: "shiftY" },
      markLine: place === 0 ? upright(given, look) : undefined,
      markArea: given.partial && place === 0 && last > 0
        ? { silent: true, label: { show: true, position: "insideTop", formatter: "so far", color: look.colour("muted"), fontSize: 12 }, itemStyle: { color: look.colour("line"), opacity: 0.5, decal: hatch(look) }, data: [[{ xAxis: last - 1 }, { xAxis: last }]] }
        : undefined,
    };
  });
  const room = look.narrow || !given.series.some((one) => one.type !== "column") ? 16 : 16 + widest(given.series.map((one) => one.name), look);
  const above = legend(look, given.series.map((one) => one.name), look.narrow);
  const columns = given.series.some((one) => one.type === "column");
  return {
    legend: above.legend, grid: { left: 4, right: room, top: above.room + (given.flags ? (given.from ? 26 : 12) : 0), bottom: 4, containLabel: true },
    xAxis: names(look, given.labels, { boundaryGap: columns, axisLabel: { ...label(look), interval: given.every ? given.every - 1 : "auto", alignMinLabel: columns ? undefined : "left", alignMaxLabel: "right" } }),
    yAxis: amounts(look, given.unit, { scale: given.zero === false, min: given.min, max: given.max, interval: given.max === 1 ? 0.25 : undefined }), series,
    tooltip: { ...base(look).tooltip, trigger: "axis", formatter: (points) => [points[0].name, ...named(points, told)].join("\n") },
  };
}

// A line for each name, whichever of its parts has the value.
function named(points, told) {
  const lines = new Map();
  for (const { seriesName, value } of points) {
    const amount = value?.value ?? value;
    if (amount != null || !lines.has(seriesName)) lines.set(seriesName, amount == null ? "no data" : told(amount));
  }
  return [...lines].map(([name, amount]) => `${name}: ${amount}`);
}

// Upright lines: where the period begins, and numbered ones where something is said of a day. Numbers that have no
// room beside each other are one, such as 3–5.
function upright(given, look) {
  const words = { formatter: given.from_label, position: "insideEndTop", rotate: 0, color: look.colour("muted"), fontSize: 12 };
  const apart = (24 * given.labels.length) / Math.max(look.width - 60, 1); // places
  const flags = [];
  for (const { at, first, last } of given.flags ?? []) {
    const before = flags.at(-1);
    if (before && at - before.at < apart) flags.at(-1).last = last;
    else flags.push({ at, first, last });
  }
  const flag = { position: "end", distance: given.from ? 16 : 3, rotate: 0, color: look.colour("card"), backgroundColor: look.colour("ink"), borderRadius: 3, padding: [2, 4], fontSize: 11 };
  return {
    silent: true, symbol: "none", lineStyle: { color: look.colour("muted"), type: "dotted", width: 1 },
    data: [
      ...(given.from ? [{ xAxis: given.from, label: { ...words, show: !look.narrow } }] : []),
      ...flags.map(({ at, first, last }) => ({ xAxis: at, label: { ...flag, formatter: first === last ? `${first}` : `${first}\u2013${last}` } })),
    ],
  };
}

// Bars side by side, their value printed, whiskers from `low` to `high` where there are such.
function bars(given, look) {
  const told = format(given.unit, look);
  const across = given.horizontal !== false;
  const category = names(look, given.labels, across ? { inverse: true, axisLine: { show: false }, axisLabel: { ...label(look), interval: 0, width: look.narrow ? 110 : 190, overflow: "truncate", lineHeight: 15 } } : {});
  const series = given.series.flatMap((one, place) => {
    const colour = look.colour(token(one, place));
    const bar = {
      name: one.name, type: "bar", ...BAR, stack: given.totals && "all", itemStyle: { color: colour },
      data: one.values.map((value, at) => ({
        value, link: one.links?.[at],
        itemStyle: {
          ...(one.tokens ? { color: look.colour(one.tokens[at]) } : {}), ...(one.estimated === true || one.estimated?.[at] ? { decal: hatch(look) } : {}),
        },
      })),
      label: {
        show: !one.low && !given.bare && (!given.totals || place === given.series.length - 1), position: across ? "right" : "top", color: look.colour("ink"), fontSize: 12,
        formatter: ({ value, dataIndex }) => (given.totals ? `${told(given.totals[dataIndex])}  ${given.after?.[dataIndex] ?? ""}` : value == null ? "no data" : told(value)),
      },
    };
    if (!one.low) return [bar];
    return [bar, whiskers(one, place, given.series.length, across, look)];
  });
  const value = amounts(look, given.unit, across && (given.bare || !given.series[0].low) ? { axisLabel: { show: false }, splitLine: { show: false } } : {});
  const above = legend(look, given.series.map((one) => one.name), true);
  return {
    legend: above.legend, grid: { left: 4, right: across ? (given.after ? 104 : 56) : 16, top: above.room, bottom: 4, containLabel: true },
    xAxis: across ? value : category, yAxis: across ? category : value, series,
    tooltip: { ...base(look).tooltip, trigger: "item", valueFormatter: (one) => (one == null ? "no data" : format(given.unit, look, false)(one)) },
  };
}

function whiskers(one, place, count, across, look) {
  const stroke = { stroke: look.colour("ink"), lineWidth: 1.5, fill: null };
  return {
    type: "custom", name: one.name, silent: true, z: 5, tooltip: { show: false }, encode: across ? { x: [1, 2], y: 0 } : { x: 0, y: [1, 2] }, data: one.values.map((_, at) => [at, one.low[at], one.high[at]]),
    renderItem: (parameters, api) => {
      const at = api.value(0);
      const [from, to] = [api.value(1), api.value(2)].map((end) => api.coord(across ? [end, at] : [at, end]));
      const shift = api.barLayout({ count, ...BAR })[place].offsetCenter;
      const line = (x1, y1, x2, y2) => ({ type: "line", shape: { x1, y1, x2, y2 }, style: stroke });
      if (across) {
        const y = from[1] + shift;
        return { type: "group", children: [line(from[0], y, to[0], y), line(from[0], y - 4, from[0], y + 4), line(to[0], y - 4, to[0], y + 4)] };
      }
      const x = from[0] + shift;
      return { type: "group", children: [line(x, from[1], x, to[1]), line(x - 4, from[1], x + 4, from[1]), line(x - 4, to[1], x + 4, to[1])] };
    },
  };
}

// From a first to a last total; each step begins where the one before it ended.
function waterfall(given, look, element) {
  const told = format(given.unit, look);
  let level = 0;
  const steps = given.values.map((value, at) => {
    const total = given.totals[at];
    const [from, to] = total ? [0, value] : [level, level + value];
    level = to;
    return { from: Math.min(from, to), size: Math.abs(to - from), value, total, link: given.links?.[at] };
  });
  const colour = (step) => look.colour(step.total ? "ink" : "muted"); // what cleaning takes out is neither better nor worse
  const signed = ({ value, total }) => (value < 0 ? "\u2212" : total || !value ? "" : "+") + told(Math.abs(value));
  const across = look.narrow; // no room for names side by side
  const category = names(look, given.labels, { inverse: across, axisLabel: { ...label(look), hideOverlap: false, interval: 0, width: across ? 110 : (element.clientWidth - 56) / given.labels.length - 6, overflow: "break", lineHeight: 15 } });
  const value = amounts(look, given.unit, across ? { axisLabel: { show: false } } : {});
  const stacked = { type: "bar", stack: "w", stackStrategy: "all" }; // below zero, too
  const hidden = { ...stacked, silent: true, itemStyle: { color: "transparent" }, tooltip: { show: false } };
  return {
    grid: { left: 4, right: across ? 64 : 16, top: 20, bottom: 4, containLabel: true },
    xAxis: across ? value : category, yAxis: across ? category : value,
    series: [
      { ...hidden, data: steps.map((step) => step.from) },
      {
        ...stacked, name: given.name || "", barCategoryGap: "30%", barMinHeight: 2,
        data: steps.map((step) => ({ value: step.size, link: step.link, itemStyle: { color: colour(step) } })),
        label: { show: true, position: across ? "right" : "top", color: look.colour("ink"), fontSize: 12, formatter: ({ dataIndex }) => signed(steps[dataIndex]) },
      },
    ],
    tooltip: { ...base(look).tooltip, formatter: ({ name, dataIndex }) => `${name}: ${signed(steps[dataIndex])}` },
  };
}

// Rows of cells, of which the last ones may be missing (a triangle); the value stands in its cell.
function heat(given, look) {
  const told = format(given.unit, look);
  const cells = given.cells.flatMap((row, y) => row.map((value, x) => [x, y, value]).filter((cell) => cell[2] != null));
  const values = cells.map((cell) => cell[2]);
  const step = stepsOf(values);
  return {
    grid: { left: 4, right: 4, top: 4, bottom: 4, containLabel: true },
    xAxis: names(look, given.columns, { position: "top", axisLine: { show: false }, splitArea: { show: false } }),
    yAxis: names(look, given.rows, { inverse: true, axisLine: { show: false }, axisLabel: { ...label(look), interval: 0 } }),
    series: [{
      type: "heatmap", data: cells.map((cell) => ({ value: cell, ...onRamp(step(cell[2]), look) })),
      itemStyle: { borderColor: look.colour("card"), borderWidth: 2 },
      label: { show: !look.narrow || given.columns.length <= 6, fontSize: 12, formatter: ({ value }) => told(value[2]) },
    }],
    tooltip: { ...base(look).tooltip, formatter: ({ value }) => `${given.rows[value[1]]}, ${given.columns[value[0]]}: ${format(given.unit, look, false)(value[2])}` },
  };
}

// The ramp has five steps, so that what is written on each has the contrast that was measured.
function stepsOf(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return (value) => Math.min(4, Math.floor(((value - least) / (most - least || 1)) * 5));
}

function onRamp(step, look) {
  return { itemStyle: { color: look.colour(RAMP[step]) }, label: { color: look.colour(step >= 3 ? "on-strong" : "on-weak") } };
}

// Area says how many, the ramp how much each.
function treemap(given, look, element) {
  const told = format(given.unit, look);
  const step = stepsOf(given.nodes.map((node) => node.value));
  const room = (node) => (node.size / given.nodes.reduce((sum, one) => sum + one.size, 0)) * element.clientWidth * element.clientHeight;
  return {
    series: [{
      type: "treemap", roam: false, nodeClick: false, breadcrumb: { show: false }, left: 0, right: 0, top: 0, bottom: 0,
      itemStyle: { borderColor: look.colour("card"), borderWidth: 2, gapWidth: 2 },
      data: given.nodes.map((node) => ({
        name: node.name, value: node.size, each: node.value, link: node.link, itemStyle: onRamp(step(node.value), look).itemStyle,
        label: { ...onRamp(step(node.value), look).label, show: room(node) >= 90 * 36, formatter: room(node) >= 100 * 64 ? `${node.name}\n${told(node.value)}` : node.name, lineHeight: 16, overflow: "truncate" },
      })),
    }],
    tooltip: { ...base(look).tooltip, formatter: ({ data }) => `${data.name}: ${format("count", look, false)(data.value)}, ${told(data.each)} each` },
  };
}

// Dots with their interval; the diagonal is where said and seen agree.
function scatter(given, look) {
  const told = format(given.unit, look);
  const colour = look.colour(given.token || "brand-1");
  const interval = given.points.some((point) => point.low != null);
  const axis = (name) => ({ name, nameLocation: "middle", nameGap: 28, nameTextStyle: label(look) });
  const series = [{
    type: "scatter", data: given.points.map((point) => ({ value: [point.x, point.y, point.size ?? 1], link: point.link })),
    symbolSize: ([, , size]) => Math.max(7, Math.min(26, 7 + Math.sqrt(size) / 6)), itemStyle: { color: colour, opacity: 0.85 },
    markLine: given.diagonal
      ? { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: look.colour("muted"), type: "dashed" }, data: [[{ coord: [0, 0] }, { coord: [given.diagonal, given.diagonal] }]] }
      : undefined,
  }];
  if (interval) {
    series.push({
      type: "custom", silent: true, encode: { x: 0, y: [1, 2] }, data: given.points.map((point) => [point.x, point.low, point.high]),
      renderItem: (parameters, api) => {
        const [from, to] = [1, 2].map((end) => api.coord([api.value(0), api.value(end)]));
        return { type: "line", shape: { x1: from[0], y1: from[1], x2: to[0], y2: to[1] }, style: { stroke: colour, lineWidth: 1.5 } };
      },
    });
  }
  return {
    grid: { left: 24, right: 16, top: 12, bottom: 28, containLabel: true },
    xAxis: amounts(look, given.unit, axis(given.x)), yAxis: amounts(look, given.unit, { ...axis(given.y), nameGap: 44 }), series,
    tooltip: { ...base(look).tooltip, formatter: ({ value }) => `${given.x}: ${told(value[0])}, ${given.y}: ${told(value[1])}` },
  };
}

// A share that falls by steps, its band behind it.
function steps(given, look) {
  const series = given.series.flatMap((one, place) => {
    const colour = look.colour(token(one, place));
    const line = {
      name: one.name, type: "line", step: "end", showSymbol: false, lineStyle: { color: colour, width: 2 }, itemStyle: { color: colour },
      data: one.points.map(([x, y]) => [x, y]), endLabel: look.narrow ? undefined : { show: true, formatter: "{a}", color: colour, fontSize: 12, lineHeight: 16, ...cut },
      labelLayout: { moveOverlap: "shiftY" },
    };
    if (one.points[0].length < 4) return [line];
    const band = (pick, area) => ({
      type: "line", step: "end", silent: true, showSymbol: false, stack: `band ${place}`, stackStrategy: "all", lineStyle: { opacity: 0 },
      areaStyle: area ? { color: colour, opacity: 0.16 } : undefined, data: one.points.map(pick), tooltip: { show: false },
    });
    return [band(([x, , low]) => [x, low], false), band(([x, , low, high]) => [x, high - low], true), line];
  });
  const room = look.narrow ? 16 : 16 + widest(given.series.map((one) => one.name), look);
  const above = legend(look, given.series.map((one) => one.name), look.narrow);
  return {
    legend: above.legend, grid: { left: 4, right: room, top: above.room, bottom: 28, containLabel: true },
    xAxis: amounts(look, "count", { name: given.x, nameLocation: "middle", nameGap: 28, splitLine: { show: false } }),
    yAxis: amounts(look, "share", { min: 0, max: 1, interval: 0.25 }), series,
    tooltip: { ...base(look).tooltip, trigger: "item", valueFormatter: format("share", look) },
  };
}

const KINDS = { trend, bars, waterfall, heat, treemap, scatter, steps };
