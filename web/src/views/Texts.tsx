import "../styles/details.css";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { getJson } from "../api/client";
import type { Named, TextPoint } from "../api/types";
import { number } from "../format/number";
import { Failed, Loading } from "../parts/Note";
import { confusion } from "./confusion";
import { ConfusionMatrix } from "./ConfusionMatrix";

/** Series of texts, one step at a time; a square matrix of counts is drawn as what it is. */
export function Texts({ run, metrics }: { run: string; metrics: Named[] }) {
  const names = metrics.filter((metric) => metric.kind === "text").map((metric) => metric.name);
  return (
    <div className="narrow texts">
      {names.map((name) => (
        <TextCard key={name} run={run} metric={name} />
      ))}
    </div>
  );
}

function TextCard({ run, metric }: { run: string; metric: string }) {
  const [chosen, setChosen] = useState<number | null>(null);
  const asked = useQuery({
    queryKey: ["texts", run, metric],
    queryFn: async ({ signal }) =>
      (
        await getJson<{ texts: TextPoint[] }>(
          `texts?${new URLSearchParams({ run, metric }).toString()}`,
          signal,
        )
      ).texts,
  });
  const points = useMemo(() => [...(asked.data ?? [])].reverse(), [asked.data]);
  const index = Math.min(points.length - 1, chosen ?? points.length - 1);
  const point = points[index];
  const matrix = useMemo(() => (point ? confusion(point.value) : null), [point]);
  if (!asked.data) {
    return asked.error ? (
      <Failed error={asked.error} retry={() => void asked.refetch()} />
    ) : (
      <Loading what={metric} />
    );
  }
  if (!point) return null;
  return (
    <figure className="card text-card" aria-label={metric}>
      <figcaption className="card-head">
        <span className="card-title">{metric}</span>
        <span className="card-meta">
          step {number(point.step)}
          {point.rank > 0 && `, rank ${point.rank}`}
        </span>
        {points.length > 1 && (
          <label className="smoothing">
            <span className="sr-only">which step</span>
            <input
              type="range"
              min={0}
              max={points.length - 1}
              value={index}
              aria-valuetext={`step ${point.step}`}
              onChange={(event) => setChosen(Number(event.target.value))}
            />
            <output>
              {index + 1} of {points.length}
            </output>
          </label>
        )}
      </figcaption>
      {matrix ? <ConfusionMatrix {...matrix} /> : <pre className="text-value">{point.value}</pre>}
    </figure>
  );
}
