import "../styles/details.css";
import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { getJson } from "../api/client";
import type { Named, TextPoint } from "../api/types";
import { number } from "../format/number";
import { Failed, Loading } from "../parts/Note";
import { StepSlider, union } from "../parts/StepSlider";
import { confusion } from "./confusion";
import { ConfusionMatrix } from "./ConfusionMatrix";
import { textAt } from "./textAt";
import { useStep } from "./useStep";

const WIDE = 8; // classes: a larger matrix takes the whole width

/** Series of texts, all at one step; a square matrix of counts is drawn as what it is. */
export function Texts({ run, metrics }: { run: string; metrics: Named[] }) {
  const names = metrics.filter((metric) => metric.kind === "text").map((metric) => metric.name);
  const [step, onStep] = useStep();
  const asked = useQueries({
    queries: names.map((metric) => ({
      queryKey: ["texts", run, metric],
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const query = new URLSearchParams({ run, metric });
        const { texts } = await getJson<{ texts: TextPoint[] }>(`texts?${query.toString()}`, signal);
        return texts.reverse();
      },
    })),
  });
  const loaded = asked.map((one) => one.data);
  const steps = useMemo(
    () => union(loaded.map((points) => points?.map((point) => point.step) ?? [])),
    [JSON.stringify(loaded.map((points) => [points?.length, points?.at(-1)?.step]))], // eslint-disable-line react-hooks/exhaustive-deps
  );
  return (
    <div className="texts">
      {steps.length > 1 && (
        <div className="toolbar sticky">
          <StepSlider steps={steps} step={step} onStep={onStep} />
        </div>
      )}
      <div className="grid wide">
        {names.map((metric, index) => {
          const { data, error, refetch } = asked[index]!;
          if (data) return <TextCard key={metric} metric={metric} points={data} step={step} />;
          return error ? (
            <Failed key={metric} error={error} retry={() => void refetch()} />
          ) : (
            <Loading key={metric} what={metric} />
          );
        })}
      </div>
    </div>
  );
}

function TextCard({ metric, points, step }: { metric: string; points: TextPoint[]; step: number | null }) {
  const point = textAt(points, step);
  const matrix = useMemo(() => (point ? confusion(point.value) : null), [point]);
  if (!point) return null;
  return (
    <figure
      className={matrix && matrix.labels.length > WIDE ? "card text-card broad" : "card text-card"}
      aria-label={metric}
    >
      <figcaption className="card-head">
        <span className="card-title" title={metric}>
          {metric}
        </span>
        <span className="card-meta">
          <b>step {number(point.step)}</b>
          {point.rank > 0 && `, rank ${point.rank}`}
          {points.length > 1 && <span>{points.length.toLocaleString("en")} texts</span>}
        </span>
      </figcaption>
      {matrix ? (
        <ConfusionMatrix {...matrix} />
      ) : (
        <pre className="text-value" tabIndex={0}>
          {point.value}
        </pre>
      )}
    </figure>
  );
}
