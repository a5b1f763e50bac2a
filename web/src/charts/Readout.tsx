// The values under the cursor, outside the plot, nearest first.
import type uPlot from "uplot";
import { number } from "../format/number";
import { clock } from "../format/time";
import { nearest, type Curve, type XAxis } from "./curve";
import { xLabel } from "./plot";

const ROWS = 10;

interface Props {
  curves: Curve[];
  at: { x: number; top: number };
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
  const head =
    axis === "wall"
      ? clock(at.x * 1000)
      : `${axis === "step" ? "step " : ""}${xLabel(Math.round(at.x), axis)}`;
  return (
    <div className="readout" aria-hidden="true">
      <div className="readout-head">{head}</div>
      <table>
        <tbody>
          {rows.slice(0, ROWS).map(({ curve, index }) => (
            <tr key={curve.run}>
              <td>
                <i className="swatch" style={{ background: curve.colour }} />
                {curve.name}
              </td>
              <td className="num">{number(curve.series.smooth?.[index] ?? curve.series.line[index])}</td>
              <td className="num dim">{spread(curve, index)}</td>
              <td className="num dim">@ {number(curve.series.step[index])}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > ROWS && <div className="dim">{rows.length - ROWS} more</div>}
    </div>
  );
}

function spread({ series }: Curve, index: number): string {
  if (series.smooth) return `raw ${number(series.line[index])}`;
  if (!series.low || !series.high || series.low[index] === series.high[index]) return "";
  return `${number(series.low[index])} … ${number(series.high[index])}`;
}
