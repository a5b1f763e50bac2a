import { useQuery } from "@tanstack/react-query";
import { memo } from "react";
import { postBytes } from "../api/client";
import { answers, type Series } from "../charts/series";

const WIDTH = 64;
const HEIGHT = 20;
const BUCKETS = 64;

/** The shape of a curve: no axes, no scale of its own that could be compared with another's. */
export const Sparkline = memo(function Sparkline({
  run,
  metric,
  colour,
}: {
  run: string;
  metric: string;
  colour: string;
}) {
  const { data } = useQuery({
    queryKey: ["spark", run, metric],
    queryFn: async ({ signal }) => {
      const buffer = await postBytes("series", { series: [{ run, metric }], buckets: BUCKETS }, signal);
      return path(answers(buffer)[0]?.series);
    },
    staleTime: 60_000,
  });
  return (
    <svg
      className="spark"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      aria-hidden="true"
    >
      {data && <path d={data} fill="none" stroke={colour} strokeWidth="1.25" />}
    </svg>
  );
});

/** Least and greatest of each pixel, so that a spike is seen here too. */
export function path(series: Pick<Series, "step" | "line" | "low" | "high"> | undefined): string {
  if (!series || series.step.length < 2) return "";
  const { step, line } = series;
  const low = series.low ?? line;
  const high = series.high ?? line;
  const [first, last] = [step[0]!, step[step.length - 1]!];
  let [min, max] = [Infinity, -Infinity];
  for (let index = 0; index < step.length; index += 1) {
    if (low[index]! < min) min = low[index]!;
    if (high[index]! > max) max = high[index]!;
  }
  if (!Number.isFinite(min) || !Number.isFinite(max)) return "";
  const y = (value: number) =>
    max > min ? HEIGHT - 2 - ((value - min) / (max - min)) * (HEIGHT - 4) : HEIGHT / 2;
  const columns = new Map<number, [number, number]>();
  for (let index = 0; index < step.length; index += 1) {
    const x = Math.round(((step[index]! - first) / (last - first || 1)) * (WIDTH - 1));
    if (!Number.isFinite(low[index]) || !Number.isFinite(high[index])) continue;
    const held = columns.get(x);
    columns.set(
      x,
      held ? [Math.min(held[0], low[index]!), Math.max(held[1], high[index]!)] : [low[index]!, high[index]!],
    );
  }
  return [...columns]
    .map(([x, [least, most]], index) => {
      const from = `${index ? "L" : "M"}${x} ${y(most).toFixed(1)}`;
      return least === most ? from : `${from}V${y(least).toFixed(1)}`;
    })
    .join("");
}
