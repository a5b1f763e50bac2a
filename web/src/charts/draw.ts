// Curves on a canvas: bands, lines broken at gaps and resumes, marks for what is not on the axis.
import type { Column } from "../api/payload";
import { bandPaths, linePath, span } from "./band";
import type { Curve, YScale } from "./curve";
import { density } from "./density";
import type { Layer } from "./layer";
import { drawArrows, drawGutter, drawMarks, drawResumes } from "./marks";

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
  ink: string;
  /** The least value a log axis shows above its gutter. */
  floor: number;
  clip: boolean;
  /** Which part of which axes this is: what was drawn for another is of no use. */
  view: string;
}

const SPARSE_PX = 14; // points further apart than this are marked
const BANDS_AT_MOST = 20; // beyond, a line goes through the least and greatest of each bucket instead
const DENSITY_FROM = 50;
/** Hue is the run, dash the metric. */
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3]];
const FEW = 2500; // points of all lines together

export function drawCurves(frame: Frame, curves: Curve[], lit: string | null, layer: Layer): void {
  const { context } = frame;
  const found = curves.filter((curve) => curve.run === lit);
  context.save();
  clipTo(frame);
  if (found.length) {
    layer.put(frame, curves, (within) => {
      clipTo(within);
      drawLines(within, curves, true);
    });
    for (const curve of found) {
      const look = { colour: curve.lit, fade: 1, thin: thinnest(frame, curves), bands: 1, lit: true };
      drawCurve(frame, curve, look);
    }
    drawResumes(frame, found);
  } else {
    layer.drop();
    const lines = drawLines(frame, curves, false);
    drawResumes(
      frame,
      lines.filter((curve) => !curve.context),
    );
  }
  context.restore();
}

function clipTo({ context, left, top, width, height }: Frame): void {
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.lineJoin = "round";
}

/** Wider than a pixel costs several times as much where no GPU draws: only where there is little to draw. */
function thinnest({ ratio }: Frame, curves: Curve[]): number {
  const points = curves.reduce((sum, curve) => sum + curve.x.length, 0);
  return (points <= FEW ? 1.5 : ratio > 1 ? 1.35 : 1) * ratio;
}

/** All of them; past fifty, those that nobody chose as a cloud. Returns those that were drawn as lines. */
function drawLines(frame: Frame, curves: Curve[], faded: boolean): Curve[] {
  if (frame.scale === "log" && frame.floor > 0) drawGutter(frame, curves);
  let lines = [...curves].sort((a, b) => Number(b.context) - Number(a.context));
  if (curves.length > DENSITY_FROM) {
    drawCloud(
      frame,
      lines.filter((curve) => curve.context),
    );
    lines = lines.filter((curve) => !curve.context);
  }
  const few = curves.length <= BANDS_AT_MOST;
  const banded = few ? lines.filter((curve) => curve.series.low && !curve.context).length : 0;
  const thin = thinnest(frame, curves);
  for (const curve of lines) {
    const fade = faded ? (curve.context ? 0.35 : 0.22) : curve.context ? 0.55 : 1;
    const bands = curve.context ? 0 : banded;
    drawCurve(frame, curve, { colour: curve.colour, fade, thin, bands, lit: false });
  }
  return lines;
}

interface Stroke {
  colour: string;
  fade: number;
  thin: number;
  /** How many bands are drawn; 0: none. */
  bands: number;
  lit: boolean;
}

function drawCurve(frame: Frame, curve: Curve, { colour, fade, thin, bands, lit }: Stroke): void {
  const { context, ratio } = frame;
  const { series, x } = curve;
  context.strokeStyle = colour;
  context.fillStyle = colour;
  if (series.low && series.high && bands) {
    // Of several bands over each other none may hide the lines.
    const pale = fade / Math.sqrt(Math.min(9, bands));
    context.globalAlpha = (series.smooth ? 0.1 : 0.2) * pale;
    const { body, edge } = bandPaths(span(frame, curve));
    context.lineWidth = 1;
    context.stroke(body);
    context.globalAlpha = (series.smooth ? 0.16 : 0.34) * Math.sqrt(pale * fade);
    context.stroke(edge);
  }
  context.lineWidth = lit ? thin + ratio : thin;
  const dash = DASHES[curve.dash % DASHES.length]!;
  context.setLineDash(dash.map((part) => part * ratio));
  const raw = () => {
    if (bands || !series.low || !series.high) return line(frame, curve, series.line);
    if (dash.length || x.length < frame.width / 2) return spiked(frame, curve);
    const path = linePath(span(frame, curve), context.lineWidth);
    context.lineWidth = 1;
    return path;
  };
  if (series.smooth) {
    context.globalAlpha = 0.32 * fade;
    if (curve.ordered) context.stroke(raw());
    context.globalAlpha = fade;
    context.lineWidth = lit ? thin + ratio : Math.max(thin, 1.6 * ratio);
    if (curve.ordered) context.stroke(line(frame, curve, series.smooth));
  } else {
    context.globalAlpha = fade;
    if (curve.ordered || series.shift >= 0) context.stroke(raw());
  }
  context.setLineDash([]);
  drawDots(frame, x, series.line, curve.ordered);
  if (frame.clip) drawArrows(frame, curve, colour);
  drawMarks(frame, curve, colour);
  context.globalAlpha = 1;
}

function line(frame: Frame, { x, resumes }: Curve, y: Column): Path2D {
  const path = new Path2D();
  let open = false;
  let resume = 0;
  for (let index = 0; index < x.length; index += 1) {
    const value = y[index]!;
    if (index === resumes[resume]) {
      open = false;
      resume += 1;
    }
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

/** Through the first, least, greatest and last of each bucket: as thin as a line, and no spike is lost. */
function spiked(frame: Frame, { series, x, resumes }: Curve): Path2D {
  const path = new Path2D();
  let open = false;
  let resume = 0;
  for (let index = 0; index < x.length; index += 1) {
    if (index === resumes[resume]) {
      open = false;
      resume += 1;
    }
    const middle = series.line[index]!;
    if (!Number.isFinite(middle) || (frame.scale === "log" && middle <= 0)) {
      open = false;
      continue;
    }
    const px = frame.x(x[index]!);
    const low = series.low![index]!;
    const shown = frame.scale !== "log" || low > 0;
    if (open) path.lineTo(px, frame.y(middle));
    else path.moveTo(px, frame.y(middle));
    if (shown && low < middle) path.lineTo(px, frame.y(low));
    if (series.high![index]! > middle) path.lineTo(px, frame.y(series.high![index]!));
    path.lineTo(px, frame.y(middle));
    open = true;
  }
  return path;
}

/** Where points are sparse, or a point stands between two gaps and would make no line. */
function drawDots(frame: Frame, x: Column, y: Column, ordered: boolean): void {
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
    if (ordered && Math.min(before, after) < SPARSE_PX * ratio) continue;
    const py = frame.y(value);
    context.moveTo(px + radius, py);
    context.arc(px, py, radius, 0, 2 * Math.PI);
  }
  context.fill();
}

let cloudCanvas: HTMLCanvasElement | null = null;

function drawCloud(frame: Frame, curves: Curve[]): void {
  const grid = density(curves, frame);
  const { width, height } = grid;
  if (!grid.most) return;
  cloudCanvas ??= document.createElement("canvas");
  cloudCanvas.width = width;
  cloudCanvas.height = height;
  const context = cloudCanvas.getContext("2d");
  if (!context) return;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const ink = channels(frame.ink);
  const scale = Math.log1p(grid.most);
  for (let place = 0; place < grid.counts.length; place += 1) {
    const count = grid.counts[place]!;
    // One lonely line is still seen.
    if (count) pixels[place] = ((Math.round(40 + 190 * (Math.log1p(count) / scale)) << 24) | ink) >>> 0;
  }
  context.putImageData(image, 0, 0);
  frame.context.drawImage(cloudCanvas, Math.floor(frame.left), frame.top);
}

/** "#rrggbb" as the low bits of a little-endian pixel. */
function channels(colour: string): number {
  const value = Number.parseInt(colour.slice(1), 16);
  return ((value & 0xff) << 16) | (value & 0xff00) | (value >> 16);
}
