import "../styles/details.css";
import "../styles/heat.css";
import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { getBytes } from "../api/client";
import { count, number, plural } from "../format/number";
import { Failed } from "../parts/Note";
import { useTheme } from "../theme/theme";
import { Bars } from "./Bars";
import { rowsOf } from "./codes";
import { heat, type Heat } from "./columns";
import { Heatmap } from "./Heatmap";
import { paint } from "./paint";
import { Ridge } from "./Ridge";
import { RIDGES } from "./ridge";

interface Props {
  run: string;
  metric: string;
  /** Null: the last there is. */
  step: number | null;
  byCount: boolean;
  ridge: boolean;
  onStep: (step: number) => void;
  /** Says which steps there are, for the slider. */
  onSteps?: (metric: string, steps: number[]) => void;
  /** Among line charts: the picture alone, its cursor in step with theirs. */
  compact?: boolean;
  /** The run it is of, where charts of several stand around it. */
  of?: string;
  synced?: boolean;
}

export function HeatCard(props: Props) {
  const { run, metric, step, byCount, ridge, onStep, onSteps, compact = false, of, synced = false } = props;
  const asked = useQuery({
    queryKey: ["heatmap", run, metric],
    queryFn: async ({ signal }) =>
      heat(await getBytes(`heatmap?${new URLSearchParams({ run, metric }).toString()}`, signal)),
  });
  const data = asked.data;
  const [pointed, setPointed] = useState<number | null>(null);
  const rows = useMemo(() => (data ? rowsOf(data.codes) : null), [data]);
  const theme = useTheme();
  const painted = useMemo(
    () => (data && rows && !ridge ? paint(data, rows, theme, byCount) : null),
    [data, rows, ridge, theme, byCount],
  );
  const column = data ? nearestColumn(data, pointed ?? step) : -1;
  const choose = useCallback(
    (index: number) => {
      if (!data) return;
      if (compact) setPointed(data.step[index]!);
      else onStep(data.step[index]!);
    },
    [data, compact, onStep],
  );
  useEffect(() => {
    if (data && onSteps) onSteps(metric, [...data.step]);
  }, [data, metric, onSteps]);
  if (asked.error && !data) return <Failed error={asked.error} retry={() => void asked.refetch()} />;
  const cut = metric.lastIndexOf("/") + 1;
  return (
    <figure className="card chart heat-card" aria-label={metric}>
      <figcaption className="card-head">
        <span className="card-title" title={metric}>
          <span className="prefix">{metric.slice(0, cut)}</span>
          {metric.slice(cut)}
        </span>
        {data && (
          <span className="card-meta">
            {of !== undefined && <b>of {of}</b>}
            {data.given > 0 && <b title="kept with the edges that the writer gave">given bins</b>}
            {ridge && data.columns > RIDGES && (
              <b>
                {RIDGES} of {plural(data.columns, "step")}
              </b>
            )}
            <span className="points">
              {plural(data.histograms, "histogram")}
              {data.shift > 0 && `, ${count(2 ** data.shift)} steps a column`}
            </span>
          </span>
        )}
      </figcaption>
      {data && rows && data.columns > 0 ? (
        <>
          {painted ? (
            <Heatmap {...{ data, rows, painted, column, synced }} onColumn={choose} />
          ) : (
            <Ridge data={data} rows={rows} byCount={byCount} column={column} onColumn={choose} />
          )}
          {!compact && <Legend byCount={byCount} most={painted?.most ?? null} />}
          {!compact && <Bars data={data} rows={rows} column={column} />}
          <Facts data={data} column={column} />
        </>
      ) : (
        <div className="plot-note shimmer" role="status" aria-label="loading" />
      )}
    </figure>
  );
}

/** most: what the strongest colour stands for; null where nothing is told by colour. */
function Legend({ byCount, most }: { byCount: boolean; most: number | null }) {
  if (most === null) {
    return (
      <p className="colour-bar dim">
        height: {byCount ? "log of the count" : "share of the step"}, the latest in front
      </p>
    );
  }
  return (
    <div className="colour-bar" aria-hidden="true">
      <span>0</span>
      <i />
      <span>
        {byCount
          ? `${number(most, 3)} values and more, log`
          : `${number(100 * most, 2)} % of a step and more`}
      </span>
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

export function nearestColumn(data: Heat, step: number | null): number {
  let best = data.columns - 1;
  if (step === null) return best;
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
