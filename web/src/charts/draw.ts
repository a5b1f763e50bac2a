// Curves on a canvas: bands, lines broken at gaps and resumes, marks for what is not on the axis.
import type { Column } from "../api/payload";
import { fillBand, lineBand, outlineBand, span } from "./band";
import type { Curve, YScale } from "./curve";
import { density, type Grid } from "./density";
import type { Layer } from "./layer";
import { drawArrows, drawGutter, drawMarks, drawResumes } from "./marks";
import { sheet } from "./sheet";

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
    const look = { fade: 1, thin: thinnest(frame, curves), bands: 1, lit: true };
    const looks = found.map((curve) => ({ ...look, colour: curve.lit }));
    paint(frame, found, looks);
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
  let cloud: Grid | null = null;
  if (curves.length > DENSITY_FROM) {
    cloud = cloudOf(frame, curves);
    lines = lines.filter((curve) => !curve.context);
  }
  const few = curves.length <= BANDS_AT_MOST;
  const banded = few ? lines.filter((curve) => curve.series.low && !curve.context).length : 0;
  const thin = thinnest(frame, curves);
  const looks = lines.map((curve) => {
    const fade = faded ? (curve.context ? 0.35 : 0.22) : curve.context ? 0.55 : 1;
    return { colour: curve.colour, fade, thin, bands: curve.context ? 0 : banded, lit: false };
  });
  paint(frame, lines, looks, cloud);
  return lines;
}

interface Look {
  colour: string;
  fade: number;
  thin: number;
  /** How many bands are drawn; 0: none. */
  bands: number;
  lit: boolean;
}

/**
 * The lines behind the others, or the cloud; over them what is upright in each column; then the other lines, which no
 * band hides, and what stands beside lines above them all.
 */
function paint(frame: Frame, curves: Curve[], looks: Look[], cloud: Grid | null = null): void {
  const { context } = frame;
  const strokes = (behind: boolean) =>
    curves.forEach((curve, index) => {
      const look = looks[index]!;
      if ((curve.context && !look.lit) === behind) strokeCurve(frame, curve, look);
    });
  strokes(true);
  const upright = curves.map(
    (curve, index) => curve.series.low !== undefined && (looks[index]!.bands > 0 || filled(frame, curve)),
  );
  if (cloud || upright.includes(true)) {
    const left = Math.floor(frame.left);
    const top = Math.floor(frame.top);
    sheet.begin(
      left,
      top,
      Math.ceil(frame.left + frame.width) - left,
      Math.ceil(frame.top + frame.height) - top,
    );
    if (cloud) drawCloud(frame, cloud);
    curves.forEach((curve, index) => upright[index] && drawUpright(frame, curve, looks[index]!));
    sheet.put(context);
  }
  strokes(false);
  curves.forEach((curve, index) => {
    const { colour, fade } = looks[index]!;
    context.globalAlpha = fade;
    context.fillStyle = colour;
    drawDots(frame, curve.x, curve.series.line, curve.ordered);
    if (frame.clip) drawArrows(frame, curve, colour);
    drawMarks(frame, curve, colour);
    context.globalAlpha = 1;
  });
}

/** A band, or in its place a line through the least and greatest of each bucket where these lie dense. */
function drawUpright(frame: Frame, curve: Curve, { colour, fade, thin, bands, lit }: Look): void {
  const { low, high, smooth } = curve.series;
  if (!low || !high) return;
  const found = span(frame, curve);
  if (!bands) {
    sheet.ink(colour, smooth ? 0.32 * fade : fade);
    lineBand(sheet, found, lit ? thin + frame.ratio : thin);
    return;
  }
  // Of several bands over each other none may hide the lines.
  const pale = fade / Math.sqrt(Math.min(9, bands));
  sheet.ink(colour, (smooth ? 0.1 : 0.2) * pale);
  fillBand(sheet, found);
  sheet.ink(colour, (smooth ? 0.16 : 0.34) * Math.sqrt(pale * fade));
  outlineBand(sheet, found);
}

function strokeCurve(frame: Frame, curve: Curve, { colour, fade, thin, bands, lit }: Look): void {
  const { context, ratio } = frame;
  const { series } = curve;
  if (!curve.ordered && (series.smooth || series.shift < 0)) return;
  context.strokeStyle = colour;
  context.lineWidth = lit ? thin + ratio : thin;
  const dash = DASHES[curve.dash % DASHES.length]!;
  context.setLineDash(dash.map((part) => part * ratio));
  context.globalAlpha = series.smooth ? 0.32 * fade : fade;
  if (bands || !series.low || !series.high) context.stroke(line(frame, curve, series.line));
  else if (!filled(frame, curve)) context.stroke(spiked(frame, curve));
  if (series.smooth) {
    context.globalAlpha = fade;
    context.lineWidth = lit ? thin + ratio : Math.max(thin, 1.6 * ratio);
    context.stroke(line(frame, curve, series.smooth));
  }
  context.setLineDash([]);
}

/** Whether its buckets lie so dense that a bar in each column makes a line of them. */
function filled(frame: Frame, { series, dash, x }: Curve): boolean {
  return series.low !== undefined && x.length >= frame.width / 2 && dash % DASHES.length === 0;
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
  const log = frame.scale === "log";
  const radius = 1.9 * ratio;
  const sparse = SPARSE_PX * ratio;
  context.beginPath();
  let place = x.length ? frame.x(x[0]!) : 0;
  let before = Infinity;
  for (let index = 0; index < x.length; index += 1) {
    const value = y[index]!;
    const px = place;
    const gap = before;
    before = Infinity;
    if (index < x.length - 1) {
      place = frame.x(x[index + 1]!);
      if (Number.isFinite(value)) before = place - px;
    }
    if (!Number.isFinite(value) || (log && value <= 0)) continue;
    const after = index < x.length - 1 && Number.isFinite(y[index + 1]!) ? place - px : Infinity;
    if (ordered && (gap < sparse || after < sparse)) continue;
    const py = frame.y(value);
    context.moveTo(px + radius, py);
    context.arc(px, py, radius, 0, 2 * Math.PI);
  }
  context.fill();
}

/** Of the curves of a chart: their cloud, and the view that it is of. A run that is lit up or not changes neither. */
const clouds = new WeakMap<Curve[], { view: string; grid: Grid }>();

function cloudOf(frame: Frame, curves: Curve[]): Grid | null {
  const view = [frame.view, frame.left, frame.top, frame.width, frame.height].join(" ");
  let found = clouds.get(curves);
  if (found?.view !== view) {
    const context = curves.filter((curve) => curve.context);
    found = { view, grid: density(context, frame) };
    clouds.set(curves, found);
  }
  return found.grid.most ? found.grid : null;
}

function drawCloud(frame: Frame, { width, height, counts, most }: Grid): void {
  const scale = Math.log1p(most);
  // One lonely line is still seen.
  const shades = Uint8Array.from({ length: most + 1 }, (_, count) =>
    count ? Math.round(40 + 190 * (Math.log1p(count) / scale)) : 0,
  );
  sheet.ink(frame.ink, 1);
  for (let column = 0, place = 0; column < width; column += 1)
    for (let row = 0; row < height; row += 1, place += 1)
      if (counts[place]) sheet.dot(column, row, shades[counts[place]!]!);
}
