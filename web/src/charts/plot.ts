// uPlot gives axes, cursor and zoom; the curves are drawn by draw.ts in its hook, from the latest state.
import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";
import { number } from "../format/number";
import { duration } from "../format/time";
import type { Theme } from "../theme/theme";
import type { Curve, Range, XAxis, YScale } from "./curve";
import { drawCurves } from "./draw";
import { lit } from "./lit";

export interface PlotState {
  curves: Curve[];
  axis: XAxis;
  scale: YScale;
  theme: Theme;
}

export interface PlotEvents {
  zoom: (range: Range | null) => void;
  cursor: (x: number | null, top: number | null) => void;
}

const SYNC = uPlot.sync("x");

export const INK: Record<Theme, { text: string; grid: string; surface: string }> = {
  light: { text: "#5d6673", grid: "#eceae6", surface: "#ffffff" },
  dark: { text: "#98a2b0", grid: "#262c34", surface: "#171b21" },
};

const FONT = '11px Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

export function makePlot(
  element: HTMLElement,
  size: { width: number; height: number },
  state: () => PlotState,
  events: PlotEvents,
): uPlot {
  const { axis, scale, theme } = state();
  const ink = INK[theme];
  let hovered = false;
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
          ...(axis === "wall"
            ? {}
            : { values: (_: uPlot, ticks: number[]) => ticks.map((tick) => xLabel(tick, axis)) }),
        },
        {
          ...line,
          gap: 6,
          size: (_: uPlot, values: string[] | null) =>
            14 + 6.4 * Math.max(3, ...(values ?? []).map((value) => value?.length ?? 0)),
          values: (_: uPlot, ticks: (number | null)[]) =>
            ticks.map((tick) => (tick === null ? "" : number(tick, 4))),
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
            const ratio = uPlot.pxRatio;
            const now = state();
            drawCurves(
              {
                context: self.ctx,
                left: self.bbox.left,
                top: self.bbox.top,
                width: self.bbox.width,
                height: self.bbox.height,
                ratio,
                x: (value) => self.valToPos(value, "x", true),
                y: (value) => self.valToPos(value, "y", true),
                scale: now.scale,
                surface: INK[now.theme].surface,
              },
              now.curves,
              lit(),
            );
          },
        ],
        setCursor: [
          (self) => {
            const left = self.cursor.left ?? -1;
            if (!hovered) return;
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

export function endPlot(plot: uPlot): void {
  SYNC.unsub(plot);
  plot.destroy();
}

/** Both axes at once, so that one frame is drawn. */
export function setView(plot: uPlot, x: Range, y: Range): void {
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

export function xLabel(value: number, axis: XAxis): string {
  if (axis === "relative") return value === 0 ? "0" : duration(value * 1000).replace(/ 0 [sm]$/, "");
  if (Math.abs(value) >= 1e6) return `${number(value / 1e6, 4)} M`;
  if (Math.abs(value) >= 1e4) return `${number(value / 1e3, 4)} k`;
  return number(value);
}
