import {
  lazy,
  memo,
  Suspense,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { count, plural } from "../format/number";
import { useTheme } from "../theme/theme";
import { metricOf, resumesOf, xOf, type Attempts, type XAxis } from "./axis";
import { CardHead } from "./CardHead";
import type { CardSettings } from "./cards";
import { nonPositive, type Beyond, type Curve, type Range, type YScale } from "./curve";
import { LegendTable } from "./LegendTable";
import { INK } from "./ink";
import { Plot } from "../views/routes";
import { badPoints, inOrder } from "./series";
import { Spoken } from "./Spoken";
import type { SeriesStore } from "./store";

const RankHeat = lazy(() => import("./RankHeat").then((module) => ({ default: module.RankHeat })));

export interface ShownRun {
  uuid: string;
  name: string;
  colour: string;
  started: number;
  attempts?: Attempts;
  firstStep?: number;
  /** Pale, behind those that are chosen. */
  context?: boolean;
  /** The colour it takes while it is pointed at, where it is otherwise pale. */
  lit?: string;
  /** The runs that this one line stands for. */
  members?: string[];
}

/** What all charts of the page have in common. */
export interface Shared {
  runs: ShownRun[];
  store: SeriesStore;
  axis: XAxis;
  scale: YScale;
  smoothing: number;
  zoom: Range | null;
  /** All metrics that could be laid over each other. */
  names: string[];
  /** The page's own, whose output goes with the cursor. */
  own: ShownRun;
}

/** What can be done with a card. */
export interface CardActions {
  zoom: (range: Range | null) => void;
  set: (metric: string, settings: CardSettings) => void;
  pin: (metric: string) => void;
  hide: (metric: string) => void;
  /** Null: close the large one. */
  enlarge: (metric: string | null) => void;
}

interface Props extends Shared {
  metric: string;
  settings: CardSettings;
  pinned: boolean;
  large?: boolean;
  actions: CardActions;
}

export const LineChart = memo(function LineChart(props: Props) {
  const { metric, runs, store, axis, smoothing, zoom, settings, pinned, large, actions } = props;
  const scale = settings.scale ?? props.scale;
  const clip = settings.clip ?? false;
  const theme = useTheme();
  const over = settings.over?.join("\n") ?? "";
  const metrics = useMemo(() => [metric, ...(over ? over.split("\n") : [])], [metric, over]);
  const version = useVersion(store, metrics, runs);
  const curves = useMemo(() => curvesOf(store, metrics, runs, axis), [version, store, metrics, runs, axis]); // eslint-disable-line react-hooks/exhaustive-deps
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const [beyond, setBeyond] = useState<Beyond>({ above: 0, below: 0 });
  const nonpos = scale === "log" ? nonPositive(curves) : 0;
  const seeBeyond = useCallback(
    (next: Beyond) => setBeyond((old) => (old.above === next.above && old.below === next.below ? old : next)),
    [],
  );
  const drawn = useRef({ curves, theme });
  useEffect(() => {
    drawn.current = { curves, theme };
  });
  const picture = useCallback(() => {
    void import("./save").then(({ savePng }) => {
      if (canvas.current) savePng(metric, canvas.current, drawn.current.curves, INK[drawn.current.theme]);
    });
  }, [metric]);
  const uuids = useMemo(() => runs.flatMap((run) => run.members ?? [run.uuid]), [runs]);
  const chosen = useMemo(() => ({ runs, axis, zoom, smoothing }), [runs, axis, zoom, smoothing]);
  const waiting = curves.length === 0 && runs.length > 0;
  const error = runs.map((run) => store.error(run.uuid, metric)).find((one) => one !== null);
  const empty = !waiting && curves.every((curve) => curve.series.step.length === 0);
  const ranked = settings.ranks ? rankedRun(curves, runs) : null;
  return (
    <figure
      className={large ? "chart large" : "card chart"}
      aria-label={metric}
      onKeyDown={(event) => {
        if (event.key === "f" && !large && !(event.target instanceof HTMLInputElement))
          actions.enlarge(metric);
      }}
    >
      <CardHead
        metric={metric}
        settings={settings}
        scale={scale}
        pinned={pinned}
        large={large ?? false}
        ranks={curves.some((curve) => curve.series.ranks > 1 && !curve.series.runs)}
        metrics={metrics}
        names={props.names}
        runs={uuids}
        actions={actions}
        onPicture={picture}
      >
        <Meta {...{ curves, axis, smoothing, nonpos, beyond, late: error !== undefined && !waiting }} />
      </CardHead>
      <div className={waiting ? "plot-area waiting" : "plot-area"}>
        <Suspense fallback={null}>
          {ranked ? (
            <RankHeat run={ranked} metric={metric} axis={axis} zoom={zoom} version={version} />
          ) : (
            <Plot
              {...{ metric, curves, axis, scale, clip, zoom }}
              own={props.own}
              gutter={nonpos > 0}
              onZoom={actions.zoom}
              onBeyond={seeBeyond}
              onCanvas={(made) => (canvas.current = made)}
              readout={!large}
            />
          )}
        </Suspense>
        {waiting && !error && <div className="plot-note shimmer" role="status" aria-label="loading" />}
        {error && waiting && (
          <div className="plot-note">
            <span>{error}</span>
            <button type="button" onClick={() => store.retry()}>
              Try again
            </button>
          </div>
        )}
        {empty && !error && <div className="plot-note">{nothing(curves, axis, zoom)}</div>}
      </div>
      {large ? <LegendTable metric={metric} curves={curves} /> : <Spoken {...{ curves, metric, chosen }} />}
    </figure>
  );
});

function nothing(curves: Curve[], axis: XAxis, zoom: Range | null): string {
  const metric = metricOf(axis);
  const unplaced = curves.reduce((sum, curve) => sum + curve.series.unplaced, 0);
  if (metric !== null && unplaced > 0) return `${metric} was not logged at the steps of this metric`;
  return zoom ? "no points in this part" : "no points yet";
}

/** The run whose ranks are shown apart: the first that has several. */
function rankedRun(curves: Curve[], runs: ShownRun[]): string | null {
  const found = curves.find((curve) => curve.series.ranks > 1 && !curve.series.runs);
  return found ? (runs.find((run) => run.uuid === found.run)?.uuid ?? null) : null;
}

interface MetaProps {
  curves: Curve[];
  axis: XAxis;
  smoothing: number;
  nonpos: number;
  beyond: Beyond;
  late: boolean;
}

/** What one line of the card says about the truth of what it shows. */
function Meta({ curves, axis, smoothing, nonpos, beyond, late }: MetaProps) {
  const total = (of: (curve: Curve) => number) => curves.reduce((sum, curve) => sum + of(curve), 0);
  const seen = total((curve) => curve.series.seen);
  const bad = total((curve) => badPoints(curve.series));
  const unplaced = total((curve) => curve.series.unplaced);
  const shift = Math.max(-1, ...curves.map((curve) => curve.series.shift));
  const grouped = curves.some((curve) => curve.series.runs);
  const ranks = Math.max(0, ...curves.map((curve) => curve.series.ranks));
  const clipped = beyond.above + beyond.below;
  const metric = metricOf(axis);
  if (!seen) return <span className="card-meta" />;
  return (
    <span className="card-meta">
      {late && <b className="warn">not up to date</b>}
      {smoothing > 0 && <b>EMA {smoothing}</b>}
      {ranks > 1 && !grouped && (
        <span title="the line is the median of the ranks, the band their least and greatest">
          {ranks} ranks
        </span>
      )}
      {bad > 0 && <b className="warn">{count(bad)} non-finite</b>}
      {nonpos > 0 && <b className="warn">{count(nonpos)} ≤ 0</b>}
      {clipped > 0 && (
        <b
          className="warn"
          title={`${count(beyond.above)} above, ${count(beyond.below)} below the clipped axis`}
        >
          {count(clipped)} beyond
        </b>
      )}
      {unplaced > 0 && metric !== null && (
        <b className="warn" title={`${metric} was not logged at the steps of these points`}>
          {count(unplaced)} without {metric}
        </b>
      )}
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

function curvesOf(store: SeriesStore, metrics: string[], runs: ShownRun[], axis: XAxis): Curve[] {
  const curves: Curve[] = [];
  const all = runs.flatMap((run) => metrics.map((metric, dash) => ({ run, metric, dash })));
  for (const { run, metric, dash } of all) {
    const held = store.get(run.uuid, metric);
    if (!held) continue;
    const { series, x, ordered } = inOrder(held, xOf(held, axis, run));
    const { uuid, colour, context = false, lit = colour } = run;
    // Resumes lie in order of steps; once sorted by another metric their places mean nothing.
    const resumes = ordered ? resumesOf(series, run.attempts) : [];
    const crossed = metricOf(axis) !== null;
    const name = metrics.length > 1 ? `${run.name} · ${metric}` : run.name;
    curves.push({
      run: uuid,
      dash,
      name,
      colour,
      lit,
      context,
      series,
      x,
      resumes,
      ordered: ordered || !crossed,
    });
  }
  return curves;
}

/**
 * Subscribes to the metrics' series of all these runs; the number grows with every change, also with one that comes
 * between drawing and subscribing.
 */
function useVersion(store: SeriesStore, metrics: string[], runs: ShownRun[]): number {
  const ids = JSON.stringify(runs.map((run) => run.uuid));
  const source = useMemo(() => {
    const all = (JSON.parse(ids) as string[]).flatMap((run) =>
      metrics.map((metric) => [run, metric] as const),
    );
    return {
      subscribe: (listener: () => void) => {
        const ends = all.map(([run, metric]) => store.subscribe(run, metric, listener));
        return () => ends.forEach((end) => end());
      },
      version: () => all.reduce((newest, [run, metric]) => Math.max(newest, store.version(run, metric)), 0),
    };
  }, [store, metrics, ids]);
  return useSyncExternalStore(source.subscribe, source.version);
}
