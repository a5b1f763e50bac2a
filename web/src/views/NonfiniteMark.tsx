import { useId, useLayoutEffect, useRef, useState } from "react";
import { runPath } from "../address/location";
import { listed, marked, type Nonfinite } from "../api/nonfinite";

const WIDTH = 300;
const GAP = 4;
const EDGE = 8;

interface Props {
  project: string;
  id: string;
  counts: Nonfinite;
}

/** "3 NaN" beside a run's name; pressed, it says in which metrics, each a way to its chart. */
export function NonfiniteMark({ project, id, counts }: Props) {
  const named = useId();
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const { nan, above, below, of, metrics } = counts;
  const all = listed(nan, above, below);
  const first = metrics.slice(0, 3).map(([name]) => name);
  return (
    <>
      <button
        type="button"
        ref={button}
        className="nonfinite"
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-controls={named}
        aria-label={`${all} in ${id}: in which metrics`}
        title={`${all} in ${first.join(", ")}${of > first.length ? ` and ${of - first.length} more` : ""}`}
        onClick={() => setOpen(!open)}
        onDoubleClick={(event) => event.stopPropagation()}
      >
        {marked(counts)}
      </button>
      {open && <List {...{ named, button, project, id, counts }} onClosed={() => setOpen(false)} />}
    </>
  );
}

interface ListProps extends Props {
  named: string;
  button: React.RefObject<HTMLButtonElement | null>;
  onClosed: () => void;
}

/** In the top layer: a row cuts off what leaves it. */
function List({ named, button, project, id, counts, onClosed }: ListProps) {
  const list = useRef<HTMLDivElement>(null);
  const { of, metrics } = counts;
  useLayoutEffect(() => {
    const body = list.current;
    const box = button.current?.getBoundingClientRect();
    if (!body || !box) return;
    body.showPopover({ source: button.current! });
    const under = box.bottom + GAP;
    const over = Math.max(EDGE, box.top - GAP - body.offsetHeight);
    body.style.left = `${Math.max(EDGE, Math.min(box.left, window.innerWidth - WIDTH - EDGE))}px`;
    body.style.top = `${under + body.offsetHeight <= window.innerHeight ? under : over}px`;
    body.querySelector("a")?.focus();
  }, [button]);
  return (
    <div
      id={named}
      ref={list}
      popover="auto"
      role="dialog"
      aria-label={`not finite in ${id}`}
      className="menu nonfinite-list"
      onToggle={(event) => event.newState === "closed" && onClosed()}
      onDoubleClick={(event) => event.stopPropagation()}
    >
      <ul>
        {metrics.map(([name, ...its]) => (
          <li key={name}>
            <a
              className="cut"
              title={name}
              href={`#${runPath(project, id)}?card=${encodeURIComponent(name)}`}
            >
              {name}
            </a>
            <span>{listed(...its)}</span>
          </li>
        ))}
      </ul>
      {of > metrics.length && <p className="dim">and in {of - metrics.length} more metrics</p>}
    </div>
  );
}
