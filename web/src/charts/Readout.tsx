// The values under the cursor, outside the plot, nearest first.
import type uPlot from "uplot";
import { number } from "../format/number";
import { clock } from "../format/time";
import { metricOf, type XAxis } from "./axis";
import { nearest, type Curve } from "./curve";
import { elapsed } from "./places";

const ROWS = 10;

/** How much room, in pixels, the values of so many curves take beyond the plot. */
export function readoutHeight(curves: number): number {
  return 48 + 20 * Math.min(curves, ROWS + 1);
}

interface Props {
  curves: Curve[];
  at: { x: number; top: number; above: boolean };
  axis: XAxis;
  plot: uPlot;
}

export function Readout({ curves, at, axis, plot }: Props) {
  const rows = curves
    .map((curve) => ({ curve, index: nearest(curve.x, at.x) }))
    .filter(({ index }) => index >= 0)
    .map(({ curve, index }) => {
      const shown = curve.series.smooth?.[index] ?? curve.series.line[index]!;
      const y = Number.isFinite(shown) ? plot.valToPos(shown, "y") : Infinity;
      return { curve, index, distance: Math.abs(y - at.top) };
    })
    .sort((a, b) => a.distance - b.distance);
  if (!rows.length) return null;
  return (
    <div className={at.above ? "readout above" : "readout"} aria-hidden="true">
      <div className="readout-head">{placeText(at.x, axis)}</div>
      <table>
        <tbody>
          {rows.slice(0, ROWS).map(({ curve, index }, place) => (
            <tr key={curve.name} className={place === 0 && rows.length > 1 ? "near" : ""}>
              <td>
                <i className="swatch" style={{ background: curve.colour }} />
                {curve.name}
              </td>
              <td className="num value">
                {number(curve.series.smooth?.[index] ?? curve.series.line[index])}
              </td>
              <td className="num dim">{spread(curve, index)}</td>
              <td className="num dim">
                {index in curve.series.step && `@ ${number(curve.series.step[index])}`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > ROWS && <div className="dim">{rows.length - ROWS} more</div>}
    </div>
  );
}

export function placeText(x: number, axis: XAxis): string {
  if (axis === "wall") return clock(x * 1000);
  const metric = metricOf(axis);
  if (metric !== null) return `${metric} ${number(x)}`;
  if (axis === "step" || axis === "rstep") {
    return `${axis === "step" ? "step" : "relative step"} ${Math.round(x).toLocaleString("en")}`;
  }
  return elapsed(x);
}

function spread({ series }: Curve, index: number): string {
  const runs = series.runs ? `${series.runs[index]} runs ` : "";
  if (series.smooth) return `${runs}raw ${number(series.line[index])}`;
  if (!series.low || !series.high || series.low[index] === series.high[index]) return runs;
  return `${runs}${number(series.low[index])} … ${number(series.high[index])}`;
}
