// The x axis of a chart: which places get a tick, what stands under it, and the name of the axis at its right end.
import { tickDigits } from "./ticks";
import uPlot from "uplot";
import { number, whole } from "../format/number";
import { duration } from "../format/time";
import { axisName, metricOf, type XAxis } from "./axis";

const SECOND = 1;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NAME_AT_MOST = 24; // characters; a metric's name is longer

const powers = (from: number, to: number, parts: number[]) => {
  const found: number[] = [];
  for (let power = from; power <= to; power += 1)
    for (const part of parts) found.push(Number(`${part}e${power}`));
  return found;
};

const STEPS = powers(0, 15, [1, 2, 5]);
const SECONDS = [
  ...powers(-3, 0, [1, 2, 5]),
  ...[10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((part) => part * MINUTE),
  ...[1, 2, 3, 6, 12].map((part) => part * HOUR),
  ...powers(0, 4, [1, 2, 5]).map((part) => part * DAY),
];

/** How far ticks may be apart: there is no half step, and an hour is not ten times six minutes. */
export function increments(axis: XAxis): number[] | null {
  if (axis === "step" || axis === "rstep") return STEPS;
  return axis === "relative" || axis === "process" ? SECONDS : null;
}

/** The labels of an axis's ticks: one unit for all of them, and no two alike. */
export function labels(ticks: number[], axis: XAxis): string[] {
  if (axis === "relative" || axis === "process") return ticks.map(elapsed);
  if (metricOf(axis) !== null) return ticks.map((tick) => number(tick, tickDigits(ticks)));
  const most = Math.max(0, ...ticks.map(Math.abs));
  for (const [size, unit] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    const least = size === 1e3 ? 1e4 : size;
    const short = ticks.every((tick) => Number.isInteger(Math.round((tick / size) * 1e6) / 1e4));
    if (most >= least && most < 1000 * size && short)
      return ticks.map((tick) => (tick === 0 ? "0" : `${number(tick / size, 6)} ${unit}`));
  }
  return ticks.map((tick) => (Number.isInteger(tick) ? whole(tick).replace("-", "−") : number(tick)));
}

/** Seconds as people say them. */
export function elapsed(seconds: number): string {
  if (Math.abs(seconds) < 10) return seconds === 0 ? "0" : `${number(seconds, 3)} s`;
  return duration(seconds * 1000).replace(/ 0 [smh]$/, "");
}

/** Clock times of ticks in seconds since 1970, the day under the first and wherever another begins. */
export function clockLabels(ticks: number[]): string[] {
  const apart = ticks.length > 1 ? ticks[1]! - ticks[0]! : MINUTE;
  const two = (value: number) => String(value).padStart(2, "0");
  let day = "";
  return ticks.map((tick) => {
    const time = new Date(tick * 1000);
    const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
    let text = `${two(time.getHours())}:${two(time.getMinutes())}`;
    if (apart < MINUTE) text += `:${two(time.getSeconds())}`;
    if (apart < SECOND) text += `.${String(time.getMilliseconds()).padStart(3, "0")}`;
    if (apart >= DAY) return date;
    const label = date === day ? text : `${text}\n${date}`;
    day = date;
    return label;
  });
}

function name(axis: XAxis): string {
  const text = axis === "wall" ? "" : axisName(axis);
  return text.length > NAME_AT_MOST ? `…${text.slice(1 - NAME_AT_MOST)}` : text;
}

/** Without those that the axis's name, or the edge of the canvas, would cut. */
export function withRoom(plot: uPlot, ticks: number[], texts: string[], axis: XAxis): string[] {
  const ratio = uPlot.pxRatio;
  const { ctx } = plot;
  const label = name(axis);
  const wide = (text: string) => ctx.measureText(text).width / ratio;
  const room = plot.bbox.width / ratio + (label ? -wide(label) - 8 : 12);
  return ticks.map((tick, index) => {
    const text = texts[index]!;
    return plot.valToPos(tick, "x") + wide(text) / 2 > room ? "" : text;
  });
}

/** Where the labels of the ticks stand, at the right end. */
export function drawName(plot: uPlot, axis: XAxis, ink: string, font: string): void {
  const ratio = uPlot.pxRatio;
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.font = font.replace(/^[\d.]+px/, (size) => `${Number.parseFloat(size) * ratio}px`);
  ctx.fillStyle = ink;
  ctx.textAlign = "right";
  ctx.textBaseline = "top";
  ctx.fillText(name(axis), bbox.left + bbox.width, bbox.top + bbox.height + 6 * ratio);
  ctx.restore();
}
