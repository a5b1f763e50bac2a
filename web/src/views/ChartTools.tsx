import { useEffect, useMemo, useRef, useState } from "react";
import { setParams } from "../address/location";
import type { RunRow } from "../api/types";
import { axisName, metricOf, type XAxis } from "../charts/axis";
import type { YScale } from "../charts/curve";
import { matcher } from "../format/names";
import { plural } from "../format/number";
import { Popover } from "../parts/Popover";
import { CompareWith } from "./CompareWith";

interface Props {
  project: string;
  axis: XAxis;
  scale: YScale;
  smoothing: number;
  search: string;
  names: string[];
  /** Those that can be on the x axis. */
  scalars: string[];
  rows: RunRow[];
  /** How many runs the project has. */
  total: number;
  grouped: boolean;
}

export function ChartTools(props: Props) {
  const { project, axis, scale, smoothing, search, names, scalars, rows, total, grouped } = props;
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const slash = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      box.current?.focus();
    };
    document.addEventListener("keydown", slash);
    return () => document.removeEventListener("keydown", slash);
  }, []);
  return (
    <div className="toolbar sticky">
      <input
        ref={box}
        type="search"
        className="search"
        placeholder={`Search ${plural(names.length, "metric")} ( / )`}
        aria-label="Search metrics"
        value={search}
        onChange={(event) => setParams({ q: event.target.value || null }, true)}
      />
      <AxisChoice axis={axis} names={scalars} grouped={grouped} />
      <Choice
        label="y axis"
        value={scale}
        options={{ linear: "Linear", log: "Log", symlog: "Symlog" }}
        onChange={(next) => setParams({ y: next === "linear" ? null : next })}
      />
      <Smoothing value={smoothing} />
      <span className="grow" />
      {rows.length === 1 && total > 1 && <CompareWith project={project} rows={rows} />}
    </div>
  );
}

const AXES: [XAxis, string, string][] = [
  ["step", "Step", "the step each point was logged at"],
  ["rstep", "Relative step", "steps since the run's first"],
  ["process", "Process time", "time at work: what lies between attempts is left out"],
  ["relative", "Relative time", "time since the run's start"],
  ["wall", "Clock time", "the moment each point was logged"],
];
const OFFERED = 60;

/** Steps, four kinds of time, or any metric. */
function AxisChoice({ axis, names, grouped }: { axis: XAxis; names: string[]; grouped: boolean }) {
  const [search, setSearch] = useState("");
  const metric = metricOf(axis);
  const found = useMemo(() => names.filter(matcher(search)), [names, search]);
  const set = (next: XAxis) => setParams({ x: next === "step" ? null : next, z: null });
  const title = metric ?? AXES.find(([name]) => name === axis)?.[1] ?? axisName(axis);
  if (grouped) {
    return (
      <span className="fixed-choice" title="groups of runs meet at their steps">
        x: step
      </span>
    );
  }
  return (
    <Popover
      label={
        <>
          <span className="dim">x:</span> <span className="cut axis-label">{title}</span>
        </>
      }
    >
      <div className="axis-menu" role="group" aria-label="x axis">
        {AXES.map(([name, label, what]) => (
          <button
            key={name}
            type="button"
            title={what}
            aria-pressed={axis === name}
            onClick={() => set(name)}
          >
            {label}
          </button>
        ))}
      </div>
      <input
        type="search"
        placeholder="Or a metric: tokens, epoch, …"
        aria-label="Search metrics for the x axis"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <ul className="candidates">
        {found.slice(0, OFFERED).map((name) => (
          <li key={name}>
            <button type="button" aria-pressed={metric === name} onClick={() => set(`m:${name}`)}>
              <span className="cut">{name}</span>
            </button>
          </li>
        ))}
      </ul>
      {found.length > OFFERED && <p className="dim">{found.length - OFFERED} more: search to narrow</p>}
    </Popover>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: Record<string, string>;
  onChange: (value: string) => void;
}

export function Choice({ label, value, options, onChange }: ChoiceProps) {
  return (
    <div className="choice" role="group" aria-label={label}>
      {Object.entries(options).map(([name, title]) => (
        <button key={name} type="button" aria-pressed={value === name} onClick={() => onChange(name)}>
          {title}
        </button>
      ))}
    </div>
  );
}

const SETTLED_MS = 180;

/** Evenly fine where it matters: the slider runs over the number of points averaged, 1 to 1000. */
function Smoothing({ value }: { value: number }) {
  const [moved, setMoved] = useState<number | null>(null);
  const timer = useRef(0);
  const shown = moved ?? value;
  const change = (position: number) => {
    const next = position === 0 ? 0 : Number((1 - 10 ** (-position / 100)).toPrecision(3));
    setMoved(next);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      setParams({ s: next ? String(next) : null }, true);
      setMoved(null);
    }, SETTLED_MS);
  };
  return (
    <label className="smoothing">
      <span>Smoothing</span>
      <input
        type="range"
        min={0}
        max={300}
        step={5}
        value={shown > 0 ? Math.round(-100 * Math.log10(1 - shown)) : 0}
        aria-valuetext={shown ? `EMA ${shown}` : "off"}
        onChange={(event) => change(Number(event.target.value))}
      />
      <output>{shown ? shown : "off"}</output>
    </label>
  );
}
