import "../styles/card.css";
import "../styles/charts.css";
import "../styles/large.css";
import "../styles/legend.css";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { setParams, useParam } from "../address/location";
import { postJson } from "../api/client";
import type { Listener } from "../api/live";
import type { Named, RunRow, State } from "../api/types";
import { axisOf, byTime, metricOf, viewOf, type Attempts, type Life, type XAxis } from "../charts/axis";
import { sections } from "../charts/cards";
import { choose, grouped, SHOWN_AT_FIRST } from "../charts/choose";
import type { Range, YScale } from "../charts/curve";
import { BUCKETS, expected, taken } from "../charts/first";
import type { CardActions, Shared, ShownRun } from "../charts/LineChart";
import { SeriesStore } from "../charts/store";
import { matcher } from "../format/names";
import { count, number } from "../format/number";
import { Loading, Note } from "../parts/Note";
import { useTheme } from "../theme/theme";
import { ChartGrid, ChartSections } from "./ChartGroup";
import { ChartTools } from "./ChartTools";
import { LargeCard } from "./LargeCard";
import { Legend } from "./Legend";
import { toggled, useCards, withSettings } from "./useCards";
import { useFreshHeat } from "./useFreshHeat";

interface Props {
  project: string;
  rows: RunRow[];
  runs: ShownRun[];
  /** How many runs the project has. */
  total: number;
  metrics: Named[] | undefined;
  states: Record<string, State>;
  subscribe: (listener: Listener) => () => void;
}

const CROWD = 50; // past so many runs a picture of them all needs fewer buckets of each
const CROWD_BUCKETS = 256;
const WHOLE_EVERY_MS = 30_000;
const LIVES_EVERY_MS = 60_000; // a run may be resumed while it is looked at

export function Charts({ project, rows, runs, total, metrics, states, subscribe }: Props) {
  const theme = useTheme();
  const [axisText] = useParam("x", "step");
  const [scale] = useParam("y", "linear") as [YScale, unknown];
  const [smooth] = useParam("s", "0");
  const [zoomText] = useParam("z", "");
  const [search] = useParam("q", "");
  const [hidden] = useParam("hide", "");
  const [chosen] = useParam("sel", "");
  const [limit] = useParam("n", String(SHOWN_AT_FIRST));
  const [by] = useParam("by", "");
  const [middle] = useParam("agg", "mean");
  const [large] = useParam("card", "");
  const [cards, changeCards] = useCards(project);
  // A group has no one start: its runs meet at their steps.
  const axis: XAxis = by ? "step" : axisOf(axisText);
  const smoothing = Math.min(0.999, Math.max(0, Number(smooth) || 0));
  const zoom = useMemo(() => parseZoom(zoomText), [zoomText]);
  const living = useLives(runs, rows, axis);
  const shown = useMemo(() => {
    const choice = {
      hidden: new Set(hidden ? hidden.split(",") : []),
      chosen: chosen ? chosen.split(",") : [],
      limit: limit === "all" || by ? Infinity : Number(limit) || SHOWN_AT_FIRST,
    };
    const some = choose(living, rows, theme, choice);
    return by ? grouped(some, rows, by, theme) : some;
  }, [living, rows, theme, hidden, chosen, limit, by]);
  const store = useStore(shown, axis, smoothing, zoom, middle === "median");
  const fresh = useFresh(store, subscribe, zoom !== null);
  const names = useMemo(
    () => metrics?.filter((one) => one.kind !== "text").map((one) => one.name),
    [metrics],
  );
  const scalars = useMemo(
    () => (metrics ?? []).filter((one) => one.kind === "scalar").map((one) => one.name),
    [metrics],
  );
  const heats = useMemo(
    () => new Set((metrics ?? []).filter((one) => one.kind === "histogram").map((one) => one.name)),
    [metrics],
  );
  const own = rows[0]?.uuid ?? "";
  useFreshHeat(own, subscribe);
  const { visible, pinned, away } = useMemo(() => {
    const there = new Set(names);
    const matches = matcher(search);
    const gone = new Set(cards.hidden);
    const atTop = cards.pinned.filter((name) => there.has(name) && !gone.has(name));
    const top = new Set(atTop);
    return {
      pinned: atTop,
      away: cards.hidden.filter((name) => there.has(name)),
      visible: (names ?? []).filter((name) => !gone.has(name) && !top.has(name) && matches(name)),
    };
  }, [names, search, cards]);
  const found = useMemo(() => sections(visible, heats), [visible, heats]);
  const actions = useMemo<CardActions>(
    () => ({
      zoom: (range) => setParams({ z: range ? `${short(range.min)}:${short(range.max)}` : null }),
      set: (metric, settings) => changeCards((now) => withSettings(now, metric, settings)),
      pin: (metric) => changeCards((now) => ({ ...now, pinned: toggled(now.pinned, metric) })),
      hide: (metric) => changeCards((now) => ({ ...now, hidden: toggled(now.hidden, metric) })),
      enlarge: (metric) => setParams({ card: metric }, metric === null || large !== ""),
    }),
    [changeCards, large],
  );
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
  const shared: Shared = {
    runs: shown,
    store,
    axis,
    scale,
    smoothing,
    zoom,
    names: scalars,
    own: living[0]!,
  };
  const grid = { shared, cards, actions, heats, own };
  const several = rows.length > 1;
  return (
    <div className={several ? "charts-layout" : "charts-layout alone"}>
      {several && (
        <aside className="side">
          <Legend {...{ project, rows, runs: living, shown, total, states }} />
        </aside>
      )}
      <section className="charts" aria-label="charts">
        <ChartTools
          {...{ project, axis, scale, smoothing, search, names, scalars, rows, total }}
          grouped={by !== ""}
        />
        {zoom && (
          <div className="zoom-line" role="status">
            <span>
              {byTime(axis) ? "a part of the time" : part(zoom, axis)}
              {fresh > 0 && <b> · +{count(fresh)} new</b>}
            </span>
            <button type="button" onClick={() => setParams({ z: null })}>
              Reset zoom
            </button>
          </div>
        )}
        {pinned.length > 0 && (
          <section className="group pinned" aria-label="pinned">
            <h2 className="group-name">
              Pinned <span className="badge">{pinned.length}</span>
            </h2>
            <ChartGrid names={pinned} {...grid} />
          </section>
        )}
        <ChartSections sections={found} searching={search !== ""} {...grid} />
        {!found.length && !pinned.length && (
          <Note title={search ? "No metric matches." : "Every card is hidden."}>
            {search && (
              <button type="button" onClick={() => setParams({ q: null })}>
                Show all {names.length.toLocaleString("en")} metrics
              </button>
            )}
          </Note>
        )}
        {away.length > 0 && (
          <p className="hidden-line">
            {away.length === 1 ? "1 card is hidden: " : `${away.length} cards are hidden: `}
            {away.slice(0, 12).map((name) => (
              <button
                key={name}
                type="button"
                className="inline"
                title="show it again"
                onClick={() => actions.hide(name)}
              >
                {name}
              </button>
            ))}
            {away.length > 1 && (
              <button type="button" onClick={() => changeCards((now) => ({ ...now, hidden: [] }))}>
                Show all
              </button>
            )}
          </p>
        )}
      </section>
      {large && scalars.includes(large) && (
        <LargeCard
          metric={large}
          names={[...pinned, ...visible].filter((name) => !heats.has(name))}
          {...{ shared, cards, actions }}
        />
      )}
    </div>
  );
}

function part(zoom: Range, axis: XAxis): string {
  const metric = metricOf(axis);
  if (metric !== null) return `${metric} ${number(zoom.min)} to ${number(zoom.max)}`;
  return `steps ${number(Math.round(zoom.min))} to ${number(Math.round(zoom.max))}`;
}

/** "120:480" of the address. */
export function parseZoom(text: string): Range | null {
  const [min, max] = text.split(":").map(Number);
  return min !== undefined && max !== undefined && min < max ? { min, max } : null;
}

function short(value: number): string {
  return String(Number(value.toPrecision(12)));
}

/** The runs with what is known of their attempts: those of a run with one alone show on the axis of process time only. */
function useLives(runs: ShownRun[], rows: RunRow[], axis: XAxis): ShownRun[] {
  const uuids = runs.map((run) => run.uuid);
  const firsts = axis === "rstep";
  const asked = useQuery({
    queryKey: ["attempts", firsts, ...uuids],
    queryFn: ({ signal }) =>
      postJson<{ attempts: Record<string, Attempts>; first_steps: Record<string, number> }>(
        "attempts",
        { runs: uuids, first_steps: firsts },
        signal,
      ),
    staleTime: 30_000,
    refetchInterval: LIVES_EVERY_MS,
    enabled: firsts || axis === "process" || rows.some((row) => (row.attempts ?? 1) > 1),
  });
  const lives = asked.data;
  return useMemo(
    () =>
      lives
        ? runs.map((run) => {
            const known: ShownRun = { ...run };
            const attempts = lives.attempts[run.uuid];
            const first = lives.first_steps[run.uuid];
            if (attempts) known.attempts = attempts;
            if (first !== undefined) known.firstStep = first;
            return known;
          })
        : runs,
    [runs, lives],
  );
}

function useStore(
  shown: ShownRun[],
  axis: XAxis,
  smoothing: number,
  zoom: Range | null,
  median: boolean,
): SeriesStore {
  const lives = useRef(new Map<string, Life>());
  const members = useRef(new Map<string, string[]>());
  for (const run of shown) {
    lives.current.set(run.uuid, run);
    if (run.members) members.current.set(run.uuid, run.members);
  }
  const groups = shown.map((run) => run.members?.join(" ") ?? "").join(",");
  const x = metricOf(axis);
  const crowd = shown.length > CROWD;
  const before = useRef<{ store: SeriesStore; x: string | null; groups: string } | null>(null);
  const store = useMemo(
    () => {
      const last = before.current;
      const same = last && last.x === x && last.groups === groups ? last.store : null;
      const plain = !zoom && !smoothing && x === null && !median && shown.every((run) => !run.members);
      const early = !last && plain ? expected(shown.map((run) => run.uuid)) : null;
      if (early) return early;
      return new SeriesStore(
        {
          buckets: crowd ? CROWD_BUCKETS : BUCKETS,
          smoothing,
          view: (run) => viewOf(zoom, axis, lives.current.get(run) ?? { started: 0 }),
          x,
          members: (run) => members.current.get(run) ?? null,
          median,
        },
        same,
      );
    },
    // A new axis of steps or time asks for new data only where a part of it is in view.
    [zoom, smoothing, zoom ? axis : null, x, groups, crowd, median], // eslint-disable-line react-hooks/exhaustive-deps
  );
  useEffect(() => {
    before.current = { store, x, groups };
    taken(store);
    return () => store.close();
  }, [store, x, groups]);
  return store;
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
