import { useEffect, useRef, useState } from "react";
import { setParams } from "../address/location";
import type { Range, XAxis, YScale } from "../charts/curve";
import { LineChart, type ShownRun } from "../charts/LineChart";
import type { SeriesStore } from "../charts/store";

interface Shared {
  runs: ShownRun[];
  store: SeriesStore;
  axis: XAxis;
  scale: YScale;
  smoothing: number;
  zoom: Range | null;
}

interface Props extends Shared {
  prefix: string;
  metrics: string[];
  expanded: boolean;
  onToggle: () => void;
}

export function ChartGroup({ prefix, metrics, expanded, onToggle, ...shared }: Props) {
  return (
    <section className="group" aria-label={prefix || "metrics without a group"}>
      <h2>
        <button type="button" aria-expanded={expanded} onClick={onToggle} className="group-head">
          <svg
            viewBox="0 0 6 10"
            width="6"
            height="10"
            aria-hidden="true"
            className={expanded ? "turn open" : "turn"}
          >
            <path d="M1 1l4 4-4 4" />
          </svg>
          <span className="cut">{prefix || "metrics"}</span>
          <span className="badge">{metrics.length.toLocaleString("en")}</span>
        </button>
      </h2>
      {expanded && (
        <div className="grid">
          {metrics.map((metric) => (
            <Slot
              key={metric}
              metric={metric}
              title={prefix ? metric.slice(prefix.length + 1) : metric}
              {...shared}
            />
          ))}
        </div>
      )}
    </section>
  );
}

/** A chart near the viewport, else the room it will take: 1,500 canvases would be gigabytes. */
function Slot({ metric, title, ...shared }: Shared & { metric: string; title: string }) {
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
  const zoomTo = (range: Range | null) =>
    setParams({ z: range ? `${short(range.min)}:${short(range.max)}` : null });
  return (
    <div className="slot" ref={host}>
      {near && <LineChart metric={metric} title={title} onZoom={zoomTo} {...shared} />}
    </div>
  );
}

function short(value: number): string {
  return String(Number(value.toPrecision(12)));
}
