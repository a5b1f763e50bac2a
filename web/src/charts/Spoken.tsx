import { memo, useEffect, useRef, useState } from "react";
import { count, number } from "../format/number";
import { factsOf, type Curve } from "./curve";
import { pump, unpump } from "./pump";

interface Props {
  curves: Curve[];
  metric: string;
  /** What the reader has chosen to see: another choice is told at once. */
  chosen: unknown;
}

const CALM_MS = 5_000; // a table that changes under whoever reads it cell by cell tells nothing

/** The table behind a chart, for screen readers. Follows a live run at a pace that can be listened to. */
export const Spoken = memo(function Spoken({ curves: latest, metric, chosen }: Props) {
  const curves = useCalm(latest, chosen);
  if (!curves) return null;
  return (
    <div className="sr-only spoken">
      <table>
        <caption>{metric} in view, by run</caption>
        <thead>
          <tr>
            {["run", "points", "first", "last", "at step", "least", "greatest"].map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {curves.map((curve) => {
            const facts = factsOf(curve);
            return (
              <tr key={curve.name}>
                <th scope="row">{curve.name}</th>
                <td>{count(curve.series.seen)}</td>
                <td>{number(facts.first)}</td>
                <td>{number(facts.last)}</td>
                <td>{number(curve.series.step[curve.series.step.length - 1])}</td>
                <td>{number(facts.min)}</td>
                <td>{number(facts.max)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
});

/**
 * The value, taken over when charts have been drawn (null before), and not again within `CALM_MS` unless `chosen` is
 * another.
 */
function useCalm<T>(value: T, chosen: unknown): T | null {
  const [told, tell] = useState<T | null>(null);
  const next = useRef(0);
  const job = useRef({});
  useEffect(() => {
    next.current = 0;
  }, [chosen]);
  useEffect(() => {
    const owner = job.current;
    const take = () =>
      pump(owner, () => {
        next.current = performance.now() + CALM_MS;
        tell(value);
      });
    const timer = window.setTimeout(take, Math.max(0, next.current - performance.now()));
    return () => {
      window.clearTimeout(timer);
      unpump(owner);
    };
  }, [value]);
  return told;
}
