import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type uPlot from "uplot";
import { count, number, plural } from "../format/number";
import { useTheme } from "../theme/theme";
import { nonPositive, xOf, xRange, yRange, type Curve, type Range, type XAxis, type YScale } from "./curve";
import { onLit } from "./lit";
import { endPlot, INK, makePlot, setView } from "./plot";
import { pump, unpump } from "./pump";
import { Readout } from "./Readout";
import { badPoints } from "./series";
import type { SeriesStore } from "./store";

export interface ShownRun {
  uuid: string;
  name: string;
  colour: string;
  started: number;
}

interface Props {
  metric: string;
  title: string;
  runs: ShownRun[];
  store: SeriesStore;
  axis: XAxis;
  scale: YScale;
  smoothing: number;
  zoom: Range | null;
  onZoom: (range: Range | null) => void;
}

export function LineChart(props: Props) {
  const { metric, title, runs, store, axis, scale, smoothing, zoom, onZoom } = props;
  const theme = useTheme();
  const version = useVersion(store, metric, runs);
  const curves = useMemo(() => curvesOf(store, metric, runs, axis), [version, store, metric, runs, axis]); // eslint-disable-line react-hooks/exhaustive-deps
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const held = useRef<{ zoom: Range; scale: YScale; y: Range } | null>(null);
  const [at, setAt] = useState<{ x: number; top: number } | null>(null);
  const state = useRef({ curves, axis, scale, theme, onZoom });
  useEffect(() => {
    state.current = { curves, axis, scale, theme, onZoom };
  });

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const made = makePlot(element, sizeOf(element), () => state.current, {
      zoom: (range) => state.current.onZoom(range),
      cursor: (x, top) => setAt(x === null || top === null ? null : { x, top }),
    });
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize(sizeOf(element)));
    resized.observe(element);
    const off = onLit(() => pump(made, () => made.redraw(false)));
    return () => {
      resized.disconnect();
      off();
      unpump(made);
      endPlot(made);
      plot.current = null;
    };
  }, [axis, scale, theme]);

  useEffect(() => {
    const made = plot.current;
    if (!made) return;
    pump(made, () => {
      const x = zoom ?? xRange(curves);
      if (!x) return;
      // Once zoomed, both axes hold through every update.
      const hold =
        zoom && held.current?.zoom === zoom && held.current.scale === scale ? held.current.y : null;
      const fitted = hold ?? yRange(curves, x, scale);
      if (zoom && fitted && !hold) held.current = { zoom, scale, y: fitted };
      setView(made, x, fitted ?? { min: scale === "log" ? 0.1 : 0, max: 1 });
    });
  }, [curves, zoom, axis, scale, theme]);

  const picture = async () => {
    const canvas = plot.current?.ctx.canvas;
    const { savePng } = await import("./save");
    if (canvas) savePng(metric, canvas, curves, INK[theme]);
  };
  const rows = async () => (await import("./save")).saveCsv(metric, curves);
  const waiting = curves.length === 0 && runs.length > 0;
  const error = runs.map((run) => store.error(run.uuid, metric)).find((one) => one !== null);
  const empty = !waiting && curves.every((curve) => curve.series.step.length === 0);
  return (
    <figure className="card chart" aria-label={metric}>
      <figcaption className="card-head">
        <span className="card-title" title={metric}>
          {title}
        </span>
        <Meta curves={curves} scale={scale} smoothing={smoothing} late={error !== undefined && !waiting} />
        <span className="card-tools">
          <button
            type="button"
            className="quiet"
            title="Save what is in view as a picture"
            aria-label={`Save ${metric} as PNG`}
            onClick={() => void picture()}
          >
            PNG
          </button>
          <button
            type="button"
            className="quiet"
            title="Save what is in view as a table"
            aria-label={`Save ${metric} as CSV`}
            onClick={() => void rows()}
          >
            CSV
          </button>
        </span>
      </figcaption>
      <div className="plot" ref={host} />
      {waiting && !error && <div className="plot-note shimmer" role="status" aria-label="loading" />}
      {error && waiting && (
        <div className="plot-note">
          <span>{error}</span>
          <button type="button" onClick={() => store.retry()}>
            Try again
          </button>
        </div>
      )}
      {empty && !error && (
        <div className="plot-note">{zoom ? "no points between these steps" : "no points yet"}</div>
      )}
      {at && plot.current && <Readout curves={curves} at={at} axis={axis} plot={plot.current} />}
      <Spoken curves={curves} metric={metric} />
    </figure>
  );
}

/** What one line of the card says about the truth of what it shows. */
function Meta({
  curves,
  scale,
  smoothing,
  late,
}: {
  curves: Curve[];
  scale: YScale;
  smoothing: number;
  late: boolean;
}) {
  const seen = curves.reduce((sum, curve) => sum + curve.series.seen, 0);
  const bad = curves.reduce((sum, curve) => sum + badPoints(curve.series), 0);
  const shift = Math.max(-1, ...curves.map((curve) => curve.series.shift));
  const ranks = Math.max(0, ...curves.map((curve) => curve.series.ranks));
  const off = scale === "log" ? nonPositive(curves) : 0;
  if (!seen) return <span className="card-meta" />;
  return (
    <span className="card-meta">
      {late && <b className="warn">not up to date</b>}
      {smoothing > 0 && <b>EMA {smoothing}</b>}
      {ranks > 1 && (
        <span title="the line is the median of the ranks, the band their least and greatest">
          {ranks} ranks
        </span>
      )}
      {bad > 0 && <b className="warn">{count(bad)} non-finite</b>}
      {off > 0 && <b className="warn">{count(off)} ≤ 0 not on a log axis</b>}
      <span
        className="points"
        title={shift > 0 ? "line: mean; band: least and greatest of each bucket" : "every point is drawn"}
      >
        {plural(seen, "point")}
        {shift > 0 && `, ${count(2 ** shift)} steps a bucket`}
      </span>
    </span>
  );
}

/** For screen readers: the last value of each run. */
function Spoken({ curves, metric }: { curves: Curve[]; metric: string }) {
  return (
    <table className="sr-only">
      <caption>{metric}: the last value in view</caption>
      <tbody>
        {curves.map(({ run, name, series }) => (
          <tr key={run}>
            <th scope="row">{name}</th>
            <td>step {number(series.step.at(-1))}</td>
            <td>{number(series.line.at(-1))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function curvesOf(store: SeriesStore, metric: string, runs: ShownRun[], axis: XAxis): Curve[] {
  const curves: Curve[] = [];
  for (const run of runs) {
    const series = store.get(run.uuid, metric);
    if (!series) continue;
    curves.push({
      run: run.uuid,
      name: run.name,
      colour: run.colour,
      series,
      x: xOf(series, axis, run.started),
    });
  }
  return curves;
}

/** Subscribes to the metric's series of all these runs; the number grows with every change. */
function useVersion(store: SeriesStore, metric: string, runs: ShownRun[]): number {
  const ids = runs.map((run) => run.uuid).join(" ");
  const source = useMemo(() => {
    let version = 0;
    return {
      subscribe: (listener: () => void) => {
        const changed = () => {
          version += 1;
          listener();
        };
        const ends = ids ? ids.split(" ").map((run) => store.subscribe(run, metric, changed)) : [];
        return () => ends.forEach((end) => end());
      },
      version: () => version,
    };
  }, [store, metric, ids]);
  return useSyncExternalStore(source.subscribe, source.version);
}

function sizeOf(element: HTMLElement): { width: number; height: number } {
  return { width: Math.max(120, element.clientWidth), height: Math.max(80, element.clientHeight) };
}
