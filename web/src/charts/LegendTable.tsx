import { useState } from "react";
import { count, number } from "../format/number";
import { useAtCursor } from "./cursor";
import { factsOf, type Curve } from "./curve";
import { light, useLit } from "./lit";
import { badPoints } from "./series";

type Key = "at" | "last" | "min" | "max";

const HEADS: [Key, string][] = [
  ["at", "at cursor"],
  ["last", "last"],
  ["min", "min"],
  ["max", "max"],
];

/** The runs of one chart as a table, by their value at the cursor; by the last value while there is no cursor. */
export function LegendTable({ metric, curves }: { metric: string; curves: Curve[] }) {
  const cursor = useAtCursor();
  const lit = useLit();
  const [by, setBy] = useState<Key>("at");
  const values = cursor?.metric === metric ? cursor.values : null;
  const rows = curves
    .map((curve) => {
      const { last, min, max } = factsOf(curve);
      return {
        curve,
        bad: badPoints(curve.series),
        at: (curve.dash === 0 ? values?.get(curve.run) : undefined) ?? NaN,
        last: last ?? NaN,
        min,
        max,
      };
    })
    .sort((a, b) => {
      const key = by === "at" && !values ? "last" : by;
      return order(a[key]) - order(b[key]);
    });
  return (
    <div className="legend-table">
      <table>
        <thead>
          <tr>
            <th scope="col">run</th>
            {HEADS.map(([key, title]) => (
              <th key={key} scope="col" className="num" aria-sort={by === key ? "descending" : undefined}>
                <button type="button" className="sort" onClick={() => setBy(key)}>
                  {title}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ curve, bad, at, last, min, max }) => (
            <tr
              key={curve.name}
              className={lit === curve.run ? "lit" : ""}
              onPointerEnter={() => light(curve.run)}
              onPointerLeave={() => light(null)}
            >
              <th scope="row">
                <span className="cut" title={curve.name}>
                  <i className="swatch" style={{ background: curve.colour }} />
                  {curve.name}
                </span>
                {bad > 0 && <b className="warn">{count(bad)} non-finite</b>}
              </th>
              <td className="num">{values && curve.dash === 0 ? number(at, 4) : ""}</td>
              <td className="num">{number(last, 4)}</td>
              <td className="num dim">{Number.isNaN(min) ? "" : number(min, 4)}</td>
              <td className="num dim">{Number.isNaN(max) ? "" : number(max, 4)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The greatest first; what is no number comes last. */
function order(value: number): number {
  return Number.isNaN(value) ? Infinity : -value;
}
