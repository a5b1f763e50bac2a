import { useEffect, useMemo, useRef, useState } from "react";
import type uPlot from "uplot";
import { useTheme } from "../theme/theme";
import type { XAxis } from "./axis";
import { nearest, withGutter, yFit, xRange, type Beyond, type Curve, type Range, type YScale } from "./curve";
import { point } from "./cursor";
import { light, lit, onLit } from "./lit";
import { drawnAnew, lookFromChart, seat } from "./moment";
import { endPlot, makePlot, moveCursor, setView, type PlotState } from "./plot";
import { pump, pumped, unpump } from "./pump";
import { Readout, readoutHeight } from "./Readout";
import { shown } from "./shown";
import { fit, watchSize, type Size } from "./size";
import { momentAt, placeOf, type Own } from "./timeline";

interface Props {
  metric: string;
  curves: Curve[];
  axis: XAxis;
  scale: YScale;
  clip: boolean;
  /** Points a log axis cannot show: they get a gutter. */
  gutter: boolean;
  zoom: Range | null;
  onZoom: (range: Range | null) => void;
  onBeyond: (beyond: Beyond) => void;
  onCanvas: (canvas: HTMLCanvasElement | null) => void;
  readout: boolean;
  /** Whose output goes with the cursor. */
  own: Own;
}

/** The y axis of a view that was zoomed into. */
interface Held {
  zoom: Range;
  scale: YScale;
  clip: boolean;
  y: Range;
  linear: number;
}

const GUTTER_PX = 18;
const TOUCH_PX = 24; // a pointer this near to a line is at it
const ABOVE_PX = 90; // the head of the card and that of the page, under which nothing is seen

/** The canvas of one chart, redrawn through the pump when its curves, its view or the lit run change. */
export function Plot(props: Props) {
  const { metric, curves, axis, scale, clip, gutter, zoom, onZoom, onBeyond, onCanvas, readout, own } = props;
  const theme = useTheme();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const size = useRef<Size | null>(null);
  const held = useRef<Held | null>(null);
  const view = useRef<() => void>(() => undefined);
  const look = useMemo(() => ({ zoom, axis, scale, clip }), [zoom, axis, scale, clip]);
  const looked = useRef(look);
  const [at, setAt] = useState<{ x: number; top: number; above: boolean } | null>(null);
  const state = useRef<PlotState>({ curves, axis, scale, theme, clip, floor: 0, linear: 1, lit: null });
  const calls = useRef({ onZoom, onBeyond, onCanvas, own });
  useEffect(() => {
    state.current = { ...state.current, curves, axis, scale, theme, clip, lit: lit() };
    calls.current = { onZoom, onBeyond, onCanvas, own };
  });

  const begin = (element: HTMLElement, now: Size) => {
    const made = makePlot(element, now, () => state.current, {
      zoom: (range) => calls.current.onZoom(range),
      cursor: (x, top) => {
        if (x === null || top === null) {
          setAt(null);
          point(null);
          light(null);
          queueMicrotask(() => lookFromChart(null)); // once the cursors of all charts are gone
          return;
        }
        const { bottom, top: upper } = element.getBoundingClientRect();
        const height = readoutHeight(state.current.curves.length);
        setAt({ x, top, above: bottom + height > viewEnd() && upper > ABOVE_PX + height });
        const found = valuesAt(state.current.curves, x);
        point({ metric, values: found });
        light(nearRun(made, state.current.curves, found, top));
        lookFromChart(momentAt(state.current.curves, axis, calls.current.own, x));
      },
    });
    plot.current = made;
    const leave = seat({
      place: (ms) => placeOf(state.current.curves, axis, calls.current.own, ms),
      put: (x) => moveCursor(made, x),
    });
    calls.current.onCanvas(made.ctx.canvas);
    const off = onLit(() => {
      state.current = { ...state.current, lit: lit() };
      pump(made, () => made.redraw(false), true);
    });
    return () => {
      leave();
      off();
      unpump(made);
      endPlot(made);
      calls.current.onCanvas(null);
      plot.current = null;
    };
  };

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    // Made for another axis it has the size that the last one had; a first one is made and drawn before the next is begun.
    let end = size.current ? begin(element, size.current) : null;
    const leave = watchSize(element, (now) => {
      size.current = now;
      if (plot.current) fit(plot.current, now);
      else
        pump(
          view,
          () => {
            end = begin(element, now);
            view.current();
          },
          true,
        );
    });
    return () => {
      leave();
      unpump(view);
      end?.();
    };
  }, [axis, scale, theme, metric]); // eslint-disable-line react-hooks/exhaustive-deps

  useEffect(() => {
    view.current = () => {
      const made = plot.current;
      const x = zoom ?? xRange(curves);
      if (!made || !x) return;
      const best = yFit(curves, x, scale, clip);
      // Once zoomed, both axes hold through every update.
      const old = held.current;
      const hold = zoom && old?.zoom === zoom && old.scale === scale && old.clip === clip ? old : null;
      const fitted = hold?.y ?? best?.range ?? { min: scale === "log" ? 0.1 : 0, max: 1 };
      const linear = hold?.linear ?? best?.linear ?? 1;
      if (zoom && best && !hold) held.current = { zoom, scale, clip, y: fitted, linear };
      const deep = gutter && scale === "log";
      const height = Math.max(60, made.height - 36);
      state.current = { ...state.current, floor: deep ? fitted.min : 0, linear };
      setView(made, x, deep ? withGutter(fitted, GUTTER_PX / height) : fitted, linear);
      made.root.classList.add("drawn");
      calls.current.onBeyond(best?.beyond ?? { above: 0, below: 0 });
      drawnAnew();
      pumped(shown);
    };
    const made = plot.current;
    const other = looked.current !== look;
    looked.current = look;
    // One that was made anew has nothing on it: it is drawn in the next frame, so that nothing blinks.
    if (made) pump(view, () => view.current(), other || !made.root.classList.contains("drawn"));
  }, [curves, look, zoom, axis, scale, theme, clip, gutter, metric]);

  return (
    <>
      <div className="plot" ref={host} />
      {readout && at && plot.current && <Readout curves={curves} at={at} axis={axis} plot={plot.current} />}
    </>
  );
}

/** What is drawn of each run at x. */
export function valuesAt(curves: Curve[], x: number): Map<string, number> {
  const values = new Map<string, number>();
  for (const { run, dash, series, x: places } of curves) {
    if (dash > 0) continue; // the legend sorts by the card's own metric
    const index = nearest(places, x);
    if (index >= 0) values.set(run, series.smooth?.[index] ?? series.line[index]!);
  }
  return values;
}

function nearRun(plot: uPlot, curves: Curve[], values: Map<string, number>, top: number): string | null {
  if (curves.length < 2) return null;
  let best: string | null = null;
  let least = TOUCH_PX;
  for (const [run, value] of values) {
    const off = Number.isFinite(value) ? Math.abs(plot.valToPos(value, "y") - top) : Infinity;
    if (off < least) {
      least = off;
      best = run;
    }
  }
  return best;
}

/** Where the part of the window ends that nothing lies over: the output may be docked under the charts. */
function viewEnd(): number {
  return document.querySelector(".dock")?.getBoundingClientRect().top ?? window.innerHeight;
}
