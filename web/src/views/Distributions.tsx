import "../styles/details.css";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { setParams, useParam } from "../address/location";
import { getBytes } from "../api/client";
import type { Named } from "../api/types";
import { groups, matcher } from "../format/names";
import { count, number, plural } from "../format/number";
import { Bars } from "../heat/Bars";
import { rowsOf } from "../heat/codes";
import { heat, type Heat } from "../heat/columns";
import { Heatmap } from "../heat/Heatmap";
import { Failed } from "../parts/Note";
import type { Listener } from "../api/live";

interface Props {
  run: string;
  metrics: Named[];
  subscribe: (listener: Listener) => () => void;
}

const FRESH_MS = 2_000;

export function Distributions({ run, metrics, subscribe }: Props) {
  const [search, setSearch] = useParam("q", "");
  const [colour, setColour] = useParam("colour", "share");
  const [stepText] = useParam("step", "");
  const names = metrics.filter((metric) => metric.kind === "histogram").map((metric) => metric.name);
  const found = groups(names.filter(matcher(search)));
  const last = Math.max(
    0,
    ...metrics.filter((metric) => metric.kind === "histogram").map((metric) => metric.step),
  );
  const step = stepText === "" ? last : Number(stepText);
  const onStep = useCallback((next: number) => setParams({ step: String(next) }, true), []);
  useFreshHeat(run, subscribe);
  return (
    <div>
      <div className="toolbar sticky">
        <input
          type="search"
          className="search"
          placeholder={`Search ${plural(names.length, "histogram")}`}
          aria-label="Search histograms"
          value={search}
          onChange={(event) => setSearch(event.target.value, true)}
        />
        <div className="choice" role="group" aria-label="what the colour stands for">
          <button type="button" aria-pressed={colour === "share"} onClick={() => setColour("share")}>
            Share
          </button>
          <button type="button" aria-pressed={colour === "count"} onClick={() => setColour("count")}>
            Log count
          </button>
        </div>
        <label className="smoothing step-slider">
          <span>Step</span>
          <input
            type="range"
            min={0}
            max={last}
            value={step}
            aria-valuetext={`step ${step}`}
            onChange={(event) => onStep(Number(event.target.value))}
          />
          <output>{stepText === "" ? "last" : number(step)}</output>
        </label>
      </div>
      {found.map(({ prefix, names: members }) => (
        <section className="group" key={prefix} aria-label={prefix || "histograms"}>
          <h2 className="group-name">{prefix || "histograms"}</h2>
          <div className="grid wide">
            {members.map((metric) => (
              <Slot key={metric} {...{ run, metric, step, onStep }} byCount={colour === "count"} />
            ))}
          </div>
        </section>
      ))}
      {!found.length && <p className="dim pad">no histogram matches</p>}
    </div>
  );
}

interface CardProps {
  run: string;
  metric: string;
  step: number;
  byCount: boolean;
  onStep: (step: number) => void;
}

function Slot(props: CardProps) {
  const host = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const watch = new IntersectionObserver(([entry]) => setNear(entry?.isIntersecting ?? false), {
      rootMargin: "300px 0px",
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  return (
    <div className="slot heat-slot" ref={host}>
      {near && <Card {...props} />}
    </div>
  );
}

function Card({ run, metric, step, byCount, onStep }: CardProps) {
  const asked = useQuery({
    queryKey: ["heatmap", run, metric],
    queryFn: async ({ signal }) =>
      heat(await getBytes(`heatmap?${new URLSearchParams({ run, metric }).toString()}`, signal)),
  });
  const data = asked.data;
  const rows = useMemo(() => (data ? rowsOf(data.codes) : null), [data]);
  const column = data ? nearestColumn(data, step) : -1;
  const short = metric.slice(metric.lastIndexOf("/") + 1);
  const choose = useCallback((index: number) => data && onStep(data.step[index]!), [data, onStep]);
  if (asked.error && !data) return <Failed error={asked.error} retry={() => void asked.refetch()} />;
  return (
    <figure className="card chart heat-card" aria-label={metric}>
      <figcaption className="card-head">
        <span className="card-title" title={metric}>
          {short}
        </span>
        {data && (
          <span className="card-meta">
            {plural(data.histograms, "histogram")}
            {data.shift > 0 && `, ${count(2 ** data.shift)} steps a column`}
            {data.given > 0 && <b title="kept with the edges that the writer gave">given bins</b>}
          </span>
        )}
      </figcaption>
      {data && rows && data.columns > 0 ? (
        <>
          <Heatmap data={data} rows={rows} byCount={byCount} column={column} onColumn={choose} />
          <ColourBar byCount={byCount} />
          <Bars data={data} rows={rows} column={column} />
          <Facts data={data} column={column} />
        </>
      ) : (
        <div className="plot-note shimmer" role="status" aria-label="loading" />
      )}
    </figure>
  );
}

function ColourBar({ byCount }: { byCount: boolean }) {
  return (
    <div className="colour-bar" aria-hidden="true">
      <span>none</span>
      <i />
      <span>{byCount ? "most, log" : "largest shares of a step"}</span>
      <span className="grow" />
      <span>lines: p5, p50, p95</span>
    </div>
  );
}

function Facts({ data, column }: { data: Heat; column: number }) {
  const total = data.count[column]!;
  const bad = data.nan[column]! + data.above[column]! + data.below[column]!;
  const finite = total - bad;
  const steps = data.step[column] === data.lastStep[column];
  return (
    <p className="heat-facts">
      <b>
        {steps ? "step " : "steps "}
        {number(data.step[column])}
        {!steps && ` to ${number(data.lastStep[column])}`}
      </b>
      <span>{count(total)} values</span>
      {finite > 0 && (
        <>
          <span>mean {number(data.sum[column]! / finite, 4)}</span>
          <span>
            {number(data.low[column], 4)} … {number(data.high[column], 4)}
          </span>
        </>
      )}
      {bad > 0 && <b className="warn">{count(bad)} non-finite</b>}
    </p>
  );
}

function nearestColumn(data: Heat, step: number): number {
  let best = data.columns - 1;
  let least = Infinity;
  for (let index = 0; index < data.columns; index += 1) {
    const off = Math.max(0, data.step[index]! - step, step - data.lastStep[index]!);
    if (off < least) {
      least = off;
      best = index;
    }
  }
  return best;
}

/** New histograms are looked for at a calm pace. */
function useFreshHeat(run: string, subscribe: Props["subscribe"]): void {
  const queries = useQueryClient();
  useEffect(() => {
    let last = 0;
    return subscribe((event) => {
      if (event.run !== run || !event.news.some((news) => news.kind === "histograms")) return;
      const now = Date.now();
      if (now - last < FRESH_MS) return;
      last = now;
      void queries.invalidateQueries({ queryKey: ["heatmap", run] });
    });
  }, [queries, run, subscribe]);
}
