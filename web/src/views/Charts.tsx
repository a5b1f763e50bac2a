import { useEffect, useMemo, useRef, useState } from "react";
import { setParams, useParam } from "../address/location";
import type { Named, RunRow, State } from "../api/types";
import type { Range, XAxis, YScale } from "../charts/curve";
import type { ShownRun } from "../charts/LineChart";
import { SeriesStore, type View } from "../charts/store";
import { groups, matcher } from "../format/names";
import { count, number } from "../format/number";
import { Loading, Note } from "../parts/Note";
import { ChartGroup } from "./ChartGroup";
import { ChartTools } from "./ChartTools";
import { Legend } from "./Legend";
import type { Listener } from "../api/live";

interface Props {
  project: string;
  rows: RunRow[];
  runs: ShownRun[];
  total: number;
  metrics: Named[] | undefined;
  states: Record<string, State>;
  subscribe: (listener: Listener) => () => void;
}

const BUCKETS = 1024;
const CARDS_OPEN = 12; // past a dozen, groups start out closed
const WHOLE_EVERY_MS = 30_000;

export function Charts({ project, rows, runs, total, metrics, states, subscribe }: Props) {
  const [axis] = useParam("x", "step") as [XAxis, unknown];
  const [scale] = useParam("y", "linear") as [YScale, unknown];
  const [smooth] = useParam("s", "0");
  const [zoomText] = useParam("z", "");
  const [search] = useParam("q", "");
  const [open] = useParam("open", "");
  const [shut] = useParam("shut", "");
  const [hidden] = useParam("hide", "");
  const smoothing = Math.min(0.999, Math.max(0, Number(smooth) || 0));
  const zoom = useMemo(() => parseZoom(zoomText), [zoomText]);
  const store = useStore(runs, axis, smoothing, zoom);
  const fresh = useFresh(store, subscribe, zoom !== null);
  const shown = useMemo(() => {
    const away = new Set(hidden ? hidden.split(",") : []);
    const ids = new Map(rows.map((row) => [row.uuid, row.id]));
    return runs.filter((run) => !away.has(ids.get(run.uuid) ?? ""));
  }, [runs, rows, hidden]);
  const names = useMemo(
    () => metrics?.filter((one) => one.kind === "scalar").map((one) => one.name),
    [metrics],
  );
  const found = useMemo(() => groups((names ?? []).filter(matcher(search))), [names, search]);
  if (!names) return <Loading what="Loading the metrics" />;
  if (!names.length) {
    return (
      <Note title="This run has logged no numbers yet.">
        <code>
          run.log({"{"}"loss": 0.5{"}"})
        </code>{" "}
        draws its first point here about a second later.
      </Note>
    );
  }
  const opened = new Set(open ? open.split(",") : []);
  const closed = new Set(shut ? shut.split(",") : []);
  let cards = 0;
  return (
    <div className="charts-layout">
      <aside className="side">
        <Legend project={project} rows={rows} runs={runs} total={total} states={states} />
      </aside>
      <section className="charts" aria-label="charts">
        <ChartTools axis={axis} scale={scale} smoothing={smoothing} search={search} total={names.length} />
        {zoom && (
          <div className="zoom-line" role="status">
            <span>
              {axis === "step"
                ? `steps ${number(Math.round(zoom.min))} to ${number(Math.round(zoom.max))}`
                : "a part of the time"}
              {fresh > 0 && <b> · +{count(fresh)} new</b>}
            </span>
            <button type="button" onClick={() => setParams({ z: null })}>
              Reset zoom
            </button>
          </div>
        )}
        {found.map(({ prefix, names: members }) => {
          const first = cards === 0;
          cards += members.length;
          const name = prefix || ".";
          const expanded = search
            ? !closed.has(name)
            : opened.has(name) || (!closed.has(name) && (first || cards <= CARDS_OPEN));
          return (
            <ChartGroup
              key={prefix}
              prefix={prefix}
              metrics={members}
              expanded={expanded}
              onToggle={() => setParams(toggled(name, expanded, opened, closed), true)}
              {...{ runs: shown, store, axis, scale, smoothing, zoom }}
            />
          );
        })}
        {!found.length && (
          <Note title="No metric matches.">
            <button type="button" onClick={() => setParams({ q: null })}>
              Show all {names.length.toLocaleString("en")} metrics
            </button>
          </Note>
        )}
      </section>
    </div>
  );
}

function toggled(
  name: string,
  expanded: boolean,
  opened: Set<string>,
  closed: Set<string>,
): Record<string, string> {
  if (expanded) {
    opened.delete(name);
    closed.add(name);
  } else {
    closed.delete(name);
    opened.add(name);
  }
  return { open: [...opened].join(","), shut: [...closed].join(",") };
}

/** "120:480" of the address. */
export function parseZoom(text: string): Range | null {
  const [min, max] = text.split(":").map(Number);
  return min !== undefined && max !== undefined && min < max ? { min, max } : null;
}

function useStore(runs: ShownRun[], axis: XAxis, smoothing: number, zoom: Range | null): SeriesStore {
  const started = useRef(new Map<string, number>());
  for (const run of runs) started.current.set(run.uuid, run.started);
  const before = useRef<SeriesStore | null>(null);
  const store = useMemo(
    () => {
      const view = (run: string) => viewOf(zoom, axis, started.current.get(run) ?? 0);
      return new SeriesStore(BUCKETS, smoothing, view, before.current);
    },
    // A new axis asks for new data only where a part of it is in view.
    [zoom, smoothing, zoom ? axis : null], // eslint-disable-line react-hooks/exhaustive-deps
  );
  useEffect(() => {
    before.current = store;
    return () => store.close();
  }, [store]);
  return store;
}

function viewOf(zoom: Range | null, axis: XAxis, started: number): View | null {
  if (!zoom) return null;
  if (axis === "step") return { low: Math.floor(zoom.min), high: Math.ceil(zoom.max), byTime: false };
  const origin = axis === "relative" ? started : 0;
  return {
    low: Math.floor(origin + zoom.min * 1000),
    high: Math.ceil(origin + zoom.max * 1000),
    byTime: true,
  };
}

/** Takes in what is new; while zoomed it counts the points that came beyond the view. */
function useFresh(store: SeriesStore, subscribe: Props["subscribe"], zoomed: boolean): number {
  const [fresh, setFresh] = useState(0);
  useEffect(() => {
    if (!zoomed) setFresh(0);
  }, [zoomed]);
  useEffect(() => {
    let whole = Date.now();
    return subscribe((event) => {
      const scalars = event.news.find((news) => news.kind === "scalars");
      if (event.fresh) store.touch(event.run, -Infinity);
      if (!scalars) return;
      // Now and then from the start: a slow rank, or a writer that went back, is then shown too.
      const now = Date.now();
      const all = now - whole > WHOLE_EVERY_MS;
      if (all) whole = now;
      store.touch(event.run, all ? -Infinity : scalars.from_step);
      if (zoomed) setFresh((old) => old + scalars.points);
    });
  }, [store, subscribe, zoomed]);
  return fresh;
}
