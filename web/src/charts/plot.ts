// uPlot gives axes, cursor and zoom; the curves are drawn by draw.ts in its hook, from the latest state.
import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";
import { number } from "../format/number";
import type { Theme } from "../theme/theme";
import { FONT, INK } from "./ink";
import type { XAxis } from "./axis";
import type { Curve, Range, YScale } from "./curve";
import { clockLabels, drawName, increments, labels, withRoom } from "./places";
import { gutterTick, logTicks, symlogTicks, tickDigits } from "./ticks";
import { drawCurves, type Frame } from "./draw";
import { Layer } from "./layer";

export interface PlotState {
  curves: Curve[];
  axis: XAxis;
  scale: YScale;
  theme: Theme;
  lit: string | null;
  clip: boolean;
  /** Where a log axis ends and its gutter begins; 0: it has none. */
  floor: number;
  /** The size below which a symlog axis is linear. */
  linear: number;
}

export interface PlotEvents {
  zoom: (range: Range | null) => void;
  cursor: (x: number | null, top: number | null) => void;
}

const SYNC = uPlot.sync("x");
let moving = false; // by the page, and not by a pointer that may still be over a chart

export function makePlot(
  element: HTMLElement,
  size: { width: number; height: number },
  state: () => PlotState,
  events: PlotEvents,
): uPlot {
  const { axis, scale, theme } = state();
  const ink = INK[theme];
  const layer = new Layer();
  let hovered = false;
  const logSplits = (_: uPlot, __: number, min: number, max: number) => {
    const { floor } = state();
    return floor > 0 ? [gutterTick(min, floor), ...logTicks(floor, max)] : logTicks(min, max);
  };
  const symlogSplits = (_: uPlot, __: number, min: number, max: number) =>
    symlogTicks(min, max, state().linear);
  const splits = { log: logSplits, symlog: symlogSplits, linear: null }[scale];
  const steps = increments(axis);
  const line = { stroke: ink.text, font: FONT, ticks: { show: false }, grid: { stroke: ink.grid, width: 1 } };
  const plot = new uPlot(
    {
      ...size,
      ms: 1e-3,
      padding: [10, 12, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: axis === "wall", auto: false },
        y: { auto: false, distr: scale === "log" ? 3 : scale === "symlog" ? 4 : 1 },
      },
      axes: [
        {
          ...line,
          size: axis === "wall" ? 40 : 26, // the second line is the date
          gap: 6,
          space: axis === "wall" ? 80 : 64,
          ...(steps ? { incrs: steps } : {}),
          values: (self: uPlot, ticks: number[]) =>
            withRoom(self, ticks, axis === "wall" ? clockLabels(ticks) : labels(ticks, axis), axis),
        },
        {
          ...line,
          gap: 6,
          size: (_: uPlot, values: string[] | null) =>
            14 + 6.4 * Math.max(5, ...(values ?? []).map((value) => value?.length ?? 0)),
          ...(splits ? { splits, filter: (_: uPlot, ticks: number[]) => ticks } : {}),
          values: (_: uPlot, ticks: (number | null)[]) => {
            const digits = scale === "linear" ? tickDigits(ticks) : 4;
            return ticks.map((tick) => {
              if (tick === null) return "";
              const { floor } = state();
              return floor > 0 && tick < floor * (1 - 1e-9) ? "≤ 0" : number(tick, digits);
            });
          },
        },
      ],
      series: [{}, { show: true, paths: () => null, points: { show: false } }],
      cursor: {
        sync: { key: SYNC.key, scales: ["x", null] },
        drag: { x: true, y: false, setScale: false, dist: 6 },
        y: false,
        points: { show: false },
        bind: {
          dblclick: () => () => {
            events.zoom(null);
            return null;
          },
          mouseenter: (_, __, handle) => (event) => {
            hovered = true;
            return handle(event);
          },
          mouseleave: (_, __, handle) => (event) => {
            hovered = false;
            events.cursor(null, null);
            return handle(event);
          },
        },
      },
      hooks: {
        draw: [
          (self) => {
            const now = state();
            drawCurves(frameOf(self, now), now.curves, now.lit, layer);
            drawName(self, now.axis, INK[now.theme].text, FONT);
          },
        ],
        destroy: [() => layer.drop()],
        setCursor: [
          (self) => {
            const left = self.cursor.left ?? -1;
            if (!hovered || moving) return;
            events.cursor(left < 0 ? null : self.posToVal(left, "x"), self.cursor.top ?? null);
          },
        ],
        setSelect: [
          (self) => {
            if (self.select.width < 6) return;
            const min = self.posToVal(self.select.left, "x");
            const max = self.posToVal(self.select.left + self.select.width, "x");
            self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            events.zoom({ min, max });
          },
        ],
      },
    },
    [
      [0, 1],
      [null, null],
    ],
    element,
  );
  SYNC.sub(plot);
  return plot;
}

/** What is drawn on, and where values are there: linear axes without the way through uPlot, which is long. */
function frameOf(plot: uPlot, { scale, theme, floor, clip }: PlotState): Frame {
  const { left, top, width, height } = plot.bbox;
  const x = plot.scales.x!;
  const y = plot.scales.y!;
  const { min: firstX = 0, max: lastX = 1 } = x as Range;
  const { min: firstY = 0, max: lastY = 1 } = y as Range;
  const across = width / (lastX - firstX);
  const up = height / (lastY - firstY);
  return {
    context: plot.ctx,
    left,
    top,
    width,
    height,
    ratio: uPlot.pxRatio,
    x: (value) => left + (value - firstX) * across,
    y:
      scale === "linear"
        ? (value) => top + height - (value - firstY) * up
        : (value) => plot.valToPos(value, "y", true),
    scale,
    surface: INK[theme].surface,
    ink: INK[theme].text,
    floor,
    clip,
    view: [firstX, lastX, firstY, lastY, y.asinh, theme, floor, clip].join(" "),
  };
}

export function endPlot(plot: uPlot): void {
  const { canvas } = plot.ctx;
  SYNC.unsub(plot);
  plot.destroy();
  canvas.width = canvas.height = 0; // its memory goes now, and not when the collector comes to it
}

/** Puts the cursor of this plot, and so of all that go along with it, at x; null, or out of view: nowhere. */
export function moveCursor(plot: uPlot, x: number | null): void {
  const { min = 0, max = 0 } = plot.scales.x!;
  const at =
    x !== null && x >= min && x <= max ? { left: plot.valToPos(x, "x"), top: 1 } : { left: -10, top: -10 };
  // The third argument, which uPlot's types leave out: tell the others.
  const set = plot.setCursor as (at: { left: number; top: number }, fire: boolean, tell: boolean) => void;
  moving = true;
  set(at, true, true);
  moving = false;
}

/** Both axes at once, so that one frame is drawn; `linear`: see PlotState. */
export function setView(plot: uPlot, x: Range, y: Range, linear: number): void {
  plot.scales.y!.asinh = linear;
  plot.batch(() => {
    plot.setData(
      [
        [x.min, x.max],
        [null, null],
      ],
      false,
    );
    plot.setScale("x", x);
    plot.setScale("y", y);
    plot.redraw(false, true);
  });
}
