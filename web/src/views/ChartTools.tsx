import { useEffect, useRef, useState } from "react";
import { setParams } from "../address/location";
import type { XAxis, YScale } from "../charts/curve";

interface Props {
  axis: XAxis;
  scale: YScale;
  smoothing: number;
  search: string;
  total: number;
}

export function ChartTools({ axis, scale, smoothing, search, total }: Props) {
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
        placeholder={`Search ${total.toLocaleString("en")} metrics ( / )`}
        aria-label="Search metrics"
        value={search}
        onChange={(event) => setParams({ q: event.target.value || null }, true)}
      />
      <Choice
        label="x axis"
        value={axis}
        options={{ step: "Step", relative: "Relative", wall: "Time" }}
        onChange={(next) => setParams({ x: next === "step" ? null : next, z: null })}
      />
      <Choice
        label="y axis"
        value={scale}
        options={{ linear: "Linear", log: "Log", symlog: "Symlog" }}
        onChange={(next) => setParams({ y: next === "linear" ? null : next })}
      />
      <Smoothing value={smoothing} />
    </div>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: Record<string, string>;
  onChange: (value: string) => void;
}

function Choice({ label, value, options, onChange }: ChoiceProps) {
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
