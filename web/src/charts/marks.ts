// What stands on a chart beside its lines: values that are not finite, beyond a clipped axis, at or under zero; resumes.
import type { Curve } from "./curve";
import type { Frame } from "./draw";

const MERGE_PX = 9;
const FONT = "11px Inter, ui-sans-serif, system-ui, sans-serif";

interface Mark {
  x: number;
  y: number;
  kind: "nan" | "above" | "below";
  count: number;
}

export function drawMarks(frame: Frame, { series, x }: Curve, colour: string): void {
  const { ratio } = frame;
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
  for (const mark of [...marks.nan, ...marks.above, ...marks.below])
    stamp(frame, mark, colour, frame.surface, 4.5);
}

/** Solid arrows at the edge beyond which a clipped axis has points. */
export function drawArrows(frame: Frame, { series, x }: Curve, colour: string): void {
  const { ratio } = frame;
  const marks: Mark[] = [];
  const highs = series.high ?? series.line;
  const lows = series.low ?? series.line;
  for (let index = 0; index < x.length; index += 1) {
    const px = frame.x(x[index]!);
    if (px < frame.left || px > frame.left + frame.width) continue;
    if (Number.isFinite(highs[index]!) && frame.y(highs[index]!) < frame.top)
      put(marks, { x: px, y: frame.top + 5 * ratio, kind: "above", count: 1 }, ratio);
    const positive = frame.scale !== "log" || lows[index]! > 0;
    if (Number.isFinite(lows[index]!) && positive && frame.y(lows[index]!) > frame.top + frame.height)
      put(marks, { x: px, y: frame.top + frame.height - 5 * ratio, kind: "below", count: 1 }, ratio);
  }
  for (const mark of marks) stamp(frame, mark, colour, colour, 3.5);
}

/** The strip under a log axis in which what is at or below zero stands. */
export function drawGutter(frame: Frame, curves: Curve[]): void {
  const { context, ratio } = frame;
  const top = frame.y(frame.floor);
  const bottom = frame.top + frame.height;
  if (!(bottom - top > 2)) return;
  context.globalAlpha = 0.07;
  context.fillStyle = frame.ink;
  context.fillRect(frame.left, top, frame.width, bottom - top);
  context.globalAlpha = 1;
  for (const { series, x, colour } of curves) {
    context.fillStyle = colour;
    for (let index = 0; index < x.length; index += 1) {
      const there = series.shift < 0 ? series.line[index]! <= 0 : (series.nonpos?.[index] ?? 0) > 0;
      if (!there || series.line[index] === -Infinity) continue;
      context.fillRect(frame.x(x[index]!) - ratio, top + 3 * ratio, 2 * ratio, bottom - top - 6 * ratio);
    }
  }
}

/** A tick where an attempt went on, with its number where there is room. */
export function drawResumes(frame: Frame, curves: Curve[]): void {
  const { context, ratio } = frame;
  context.font = FONT.replace("11px", `${11 * ratio}px`);
  context.textAlign = "left";
  context.textBaseline = "top";
  let labelled = -Infinity;
  for (const { x, resumes, colour } of curves) {
    resumes.forEach((place, index) => {
      const px = frame.x(x[place]!);
      if (px < frame.left || px > frame.left + frame.width) return;
      context.strokeStyle = colour;
      context.globalAlpha = 0.75;
      context.lineWidth = ratio;
      context.setLineDash([2 * ratio, 3 * ratio]);
      context.beginPath();
      context.moveTo(px, frame.top);
      context.lineTo(px, frame.top + frame.height);
      context.stroke();
      context.setLineDash([]);
      context.globalAlpha = 1;
      const text = `resume ${index + 1}`;
      const wide = context.measureText(text).width;
      if (Math.abs(px - labelled) < wide + 8 * ratio) return;
      labelled = px;
      const right = px + wide + 6 * ratio > frame.left + frame.width;
      context.fillStyle = frame.ink;
      context.fillText(text, right ? px - wide - 4 * ratio : px + 4 * ratio, frame.top + 2 * ratio);
    });
  }
}

/** Merged with the mark before it where both would touch. */
function put(marks: Mark[], mark: Mark, ratio: number): void {
  const last = marks.at(-1);
  const near = last && mark.x - last.x < MERGE_PX * ratio && Math.abs(mark.y - last.y) < MERGE_PX * ratio;
  if (near && last.kind === mark.kind) last.count += mark.count;
  else marks.push(mark);
}

function stamp(frame: Frame, mark: Mark, stroke: string, fill: string, size: number): void {
  const { context, ratio } = frame;
  context.beginPath();
  outline(context, mark, size * ratio);
  context.closePath();
  context.fillStyle = fill;
  context.fill();
  context.strokeStyle = stroke;
  context.lineWidth = 1.5 * ratio;
  context.stroke();
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
