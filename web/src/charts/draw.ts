// Curves on a canvas: bands as one path, lines broken at gaps, marks for what is not a number.
import type { Column } from "../api/payload";
import type { Curve, YScale } from "./curve";

export interface Frame {
  context: CanvasRenderingContext2D;
  left: number;
  top: number;
  width: number;
  height: number;
  ratio: number;
  x: (value: number) => number;
  y: (value: number) => number;
  scale: YScale;
  surface: string;
}

const SPARSE_PX = 14; // points further apart than this are marked
const MERGE_PX = 9;

export function drawCurves(frame: Frame, curves: Curve[], lit: string | null): void {
  const { context } = frame;
  context.save();
  context.beginPath();
  context.rect(frame.left, frame.top, frame.width, frame.height);
  context.clip();
  context.lineJoin = "round";
  const order = lit ? [...curves].sort((a, b) => Number(a.run === lit) - Number(b.run === lit)) : curves;
  for (const curve of order) drawCurve(frame, curve, lit !== null && curve.run !== lit, curve.run === lit);
  context.restore();
}

function drawCurve(frame: Frame, curve: Curve, faded: boolean, lit: boolean): void {
  const { context, ratio } = frame;
  const { series, x, colour } = curve;
  const fade = faded ? 0.18 : 1;
  context.strokeStyle = colour;
  context.fillStyle = colour;
  if (series.low && series.high) {
    context.globalAlpha = (series.smooth ? 0.1 : 0.2) * fade;
    const band = ribbon(frame, x, series.low, series.high);
    context.fill(band);
    // A spike one bucket wide has next to no area: its edge is what shows it.
    context.globalAlpha = (series.smooth ? 0.16 : 0.34) * fade;
    context.lineWidth = 1;
    context.stroke(band);
  }
  const thin = ratio > 1 ? 1.35 * ratio : 1;
  context.lineWidth = lit ? thin + ratio : thin;
  if (series.smooth) {
    context.globalAlpha = 0.32 * fade;
    context.stroke(line(frame, x, series.line));
    context.globalAlpha = fade;
    context.lineWidth = lit ? thin + ratio : Math.max(thin, 1.6 * ratio);
    context.stroke(line(frame, x, series.smooth));
  } else {
    context.globalAlpha = fade;
    context.stroke(line(frame, x, series.line));
  }
  drawDots(frame, x, series.line);
  drawMarks(frame, curve);
  context.globalAlpha = 1;
}

function line(frame: Frame, x: Column, y: Column): Path2D {
  const path = new Path2D();
  let open = false;
  for (let index = 0; index < x.length; index += 1) {
    const value = y[index]!;
    if (!Number.isFinite(value) || (frame.scale === "log" && value <= 0)) {
      open = false;
      continue;
    }
    const px = frame.x(x[index]!);
    const py = frame.y(value);
    if (open) path.lineTo(px, py);
    else path.moveTo(px, py);
    open = true;
  }
  return path;
}

function ribbon(frame: Frame, x: Column, low: Column, high: Column): Path2D {
  const path = new Path2D();
  const bottom = frame.top + frame.height;
  let start = -1;
  const close = (end: number) => {
    for (let index = end - 1; index >= start; index -= 1) {
      const value = low[index]!;
      const off = frame.scale === "log" && value <= 0;
      path.lineTo(frame.x(x[index]!), off ? bottom : frame.y(value));
    }
    path.closePath();
    start = -1;
  };
  for (let index = 0; index < x.length; index += 1) {
    const value = high[index]!;
    const there = Number.isFinite(value) && !(frame.scale === "log" && value <= 0);
    if (!there) {
      if (start >= 0) close(index);
      continue;
    }
    if (start < 0) {
      start = index;
      path.moveTo(frame.x(x[index]!), frame.y(value));
    } else path.lineTo(frame.x(x[index]!), frame.y(value));
  }
  if (start >= 0) close(x.length);
  return path;
}

/** Where points are sparse, or a point stands between two gaps and would make no line. */
function drawDots(frame: Frame, x: Column, y: Column): void {
  const { context, ratio } = frame;
  const radius = 1.9 * ratio;
  context.beginPath();
  for (let index = 0; index < x.length; index += 1) {
    const value = y[index]!;
    if (!Number.isFinite(value) || (frame.scale === "log" && value <= 0)) continue;
    const px = frame.x(x[index]!);
    const before = index > 0 && Number.isFinite(y[index - 1]!) ? px - frame.x(x[index - 1]!) : Infinity;
    const after =
      index < x.length - 1 && Number.isFinite(y[index + 1]!) ? frame.x(x[index + 1]!) - px : Infinity;
    if (Math.min(before, after) < SPARSE_PX * ratio) continue;
    const py = frame.y(value);
    context.moveTo(px + radius, py);
    context.arc(px, py, radius, 0, 2 * Math.PI);
  }
  context.fill();
}

interface Mark {
  x: number;
  y: number;
  kind: "nan" | "above" | "below";
  count: number;
}

function drawMarks(frame: Frame, { series, x, colour }: Curve): void {
  const { context, ratio } = frame;
  const marks = { nan: [] as Mark[], above: [] as Mark[], below: [] as Mark[] };
  let good = NaN;
  for (let index = 0; index < x.length; index += 1) {
    const value = series.line[index]!;
    const px = frame.x(x[index]!);
    const shown = Number.isFinite(value) && (frame.scale !== "log" || value > 0);
    if (shown) good = value;
    const single = series.shift < 0 && !Number.isFinite(value);
    const nan = single ? Number(Number.isNaN(value)) : (series.nan?.[index] ?? 0);
    const above = single ? Number(value === Infinity) : (series.above?.[index] ?? 0);
    const below = single ? Number(value === -Infinity) : (series.below?.[index] ?? 0);
    const middle = frame.top + frame.height / 2;
    if (nan)
      put(
        marks.nan,
        { x: px, y: Number.isNaN(good) ? middle : frame.y(good), kind: "nan", count: nan },
        ratio,
      );
    if (above) put(marks.above, { x: px, y: frame.top + 6 * ratio, kind: "above", count: above }, ratio);
    if (below)
      put(
        marks.below,
        { x: px, y: frame.top + frame.height - 6 * ratio, kind: "below", count: below },
        ratio,
      );
  }
  for (const mark of [...marks.nan, ...marks.above, ...marks.below]) {
    context.beginPath();
    outline(context, mark, 4.5 * ratio);
    context.closePath();
    context.fillStyle = frame.surface;
    context.fill();
    context.strokeStyle = colour;
    context.lineWidth = 1.5 * ratio;
    context.stroke();
  }
}

/** Merged with the mark before it where both would touch. */
function put(marks: Mark[], mark: Mark, ratio: number): void {
  const last = marks.at(-1);
  if (last && mark.x - last.x < MERGE_PX * ratio && Math.abs(mark.y - last.y) < MERGE_PX * ratio)
    last.count += mark.count;
  else marks.push(mark);
}

function outline(context: CanvasRenderingContext2D, { x, y, kind }: Mark, size: number): void {
  if (kind === "nan") {
    context.moveTo(x, y - size);
    context.lineTo(x + size, y);
    context.lineTo(x, y + size);
    context.lineTo(x - size, y);
    return;
  }
  const up = kind === "above" ? -1 : 1;
  context.moveTo(x, y + up * size);
  context.lineTo(x + size, y - up * size);
  context.lineTo(x - size, y - up * size);
}
