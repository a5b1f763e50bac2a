import "../styles/card.css";
import { Suspense, useMemo, useState } from "react";
import type { RunRow } from "../api/types";
import type { Range } from "../charts/curve";
import type { Own } from "../charts/timeline";
import { count, number, plural } from "../format/number";
import { Failed, Loading, Note } from "../parts/Note";
import { useTheme } from "../theme/theme";
import { Plot } from "./routes";
import { curvesOf, groupsOf, titleOf, useSystem, type Figure } from "./useSystem";

/** The machine while the run was live: a chart a metric, over the time of day, with one cursor and one zoom. */
export function SystemView({ run, live }: { run: RunRow; live: boolean }) {
  const [zoom, setZoom] = useState<Range | null>(null);
  const { data, error, refetch } = useSystem(run.uuid, zoom, live);
  const own = useMemo<Own>(() => ({ uuid: run.uuid, started: run.started ?? run.created }), [run]);
  const groups = useMemo(() => (data ? groupsOf(data) : []), [data]);
  if (!data) {
    return error ? (
      <Failed error={error} retry={() => void refetch()} />
    ) : (
      <Loading what="Loading the machine" />
    );
  }
  if (!groups.length && !zoom) {
    return (
      <Note title="No machine was measured.">
        The agent measures its host every few seconds while a run is live
        {live ? ": the first figures are a moment away" : ""}. <code>stepwell doctor</code> on that host says
        what it can measure; <code>system_interval_s=0</code> switches it off.
      </Note>
    );
  }
  return (
    <div className="system-view">
      {zoom && (
        <div className="toolbar">
          <button type="button" onClick={() => setZoom(null)}>
            Reset zoom
          </button>
        </div>
      )}
      {groups.map((group) => (
        <section key={group.name} aria-label={group.name}>
          <h2 className="group-name">{group.name}</h2>
          <div className="grid">
            {group.charts.map(({ metric, title, figures }) => (
              <div className="slot" key={metric}>
                <SystemChart {...{ metric, title, figures, zoom, own }} shift={data.shift} onZoom={setZoom} />
              </div>
            ))}
          </div>
        </section>
      ))}
    </div>
  );
}

interface ChartProps {
  title: string;
  metric: string;
  figures: Figure[];
  shift: number;
  zoom: Range | null;
  own: Own;
  onZoom: (zoom: Range | null) => void;
}

function SystemChart({ title, metric, figures, shift, zoom, own, onZoom }: ChartProps) {
  const theme = useTheme();
  const { curves, unit } = useMemo(() => curvesOf(figures, shift, theme), [figures, shift, theme]);
  const samples = figures.reduce((sum, figure) => sum + figure.samples, 0);
  return (
    <figure className="card chart" aria-label={title}>
      <figcaption className="card-head">
        <span className="card-title">{titleOf(metric)}</span>
        <span className="card-meta">
          {unit && <b>{unit}</b>}
          <span
            className="points"
            title={shift < 0 ? "every sample is drawn" : "line: mean; band: least and greatest"}
          >
            {plural(samples, "sample")}
            {shift >= 0 && `, ${count(2 ** shift / 1000)} s a bucket`}
          </span>
        </span>
      </figcaption>
      <div className="plot-area">
        <Suspense fallback={null}>
          <Plot
            {...{ metric: title, curves, zoom, own, onZoom }}
            axis="wall"
            scale="linear"
            clip={false}
            gutter={false}
            onBeyond={ignore}
            onCanvas={ignore}
            readout
          />
        </Suspense>
      </div>
      <div className="sr-only">
        <table>
          <caption>{title}</caption>
          <tbody>
            {curves.map(({ name, series }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  {number(series.line[series.line.length - 1])} {unit}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  );
}

function ignore(): void {}
