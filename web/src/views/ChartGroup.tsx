import {
  lazy,
  Suspense,
  useDeferredValue,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { setParams, useParam } from "../address/location";
import { columnsFor, PLAIN, type Cards, type Section } from "../charts/cards";
import { useShown } from "../charts/shown";
import { LineChart, type CardActions, type Shared } from "../charts/LineChart";
import { whole } from "../format/number";

interface Common {
  shared: Shared;
  cards: Cards;
  actions: CardActions;
  /** Which of the metrics are histograms, and the run they are of. */
  heats: Set<string>;
  own: string;
}

const HeatCard = lazy(() => import("../heat/HeatCard").then((module) => ({ default: module.HeatCard })));

const SECTIONS_AT_FIRST = 12; // the charts of a hundred more heads would wait for them
const CARDS_OPEN = 12; // past a dozen, sections start out closed

/** The tree of prefixes, a section a branch. */
export function ChartSections({
  sections: all,
  searching: typed,
  ...common
}: Common & { sections: Section[]; searching: boolean }) {
  // Together: the sections of before a search are never opened by it, which would be every card there is.
  const asked = useMemo(() => ({ sections: all, searching: typed }), [all, typed]);
  const first = useMemo(
    () => ({ sections: all.slice(0, SECTIONS_AT_FIRST), searching: typed }),
    [all, typed],
  );
  const { sections, searching } = useDeferredValue(useShown() ? asked : first, first);
  const [open] = useParam("open", "");
  const [shut] = useParam("shut", "");
  const opened = new Set(open ? open.split(",") : []);
  const closed = new Set(shut ? shut.split(",") : []);
  let cards = 0;
  const draw = (section: Section, depth: number) => {
    const foremost = cards === 0;
    cards += section.names.length;
    const ahead = cards;
    const expanded = searching
      ? !closed.has(section.key)
      : opened.has(section.key) ||
        (!closed.has(section.key) && (foremost || cards + (section.names.length ? 0 : 1) <= CARDS_OPEN));
    if (!expanded) cards = ahead + section.total - section.names.length;
    const toggle = () => setParams(toggled(section.key, expanded, opened, closed), true);
    return (
      <section key={section.key} className="group" aria-label={section.label || "metrics"}>
        {(section.label || all.length > 1) && (
          <SectionHead section={section} expanded={expanded} depth={depth} onToggle={toggle} />
        )}
        {expanded && (
          <>
            {section.names.length > 0 && <ChartGrid names={section.names} {...common} />}
            {section.sections.length > 0 && (
              <div className="branches">{section.sections.map((inner) => draw(inner, depth + 1))}</div>
            )}
          </>
        )}
      </section>
    );
  };
  return <>{sections.map((section) => draw(section, 0))}</>;
}

interface HeadProps {
  section: Section;
  expanded: boolean;
  depth: number;
  onToggle: () => void;
}

function SectionHead({ section, expanded, depth, onToggle }: HeadProps) {
  const Level = depth === 0 ? "h2" : "h3";
  return (
    <Level className="group-title">
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
        <span className="cut">{section.label || "metrics"}</span>
        <span className="badge">{whole(section.total)}</span>
      </button>
    </Level>
  );
}

function toggled(
  name: string,
  expanded: boolean,
  opened: Set<string>,
  closed: Set<string>,
): Record<string, string> {
  if (expanded) {
    opened.delete(name);
    closed.add(name);
  } else {
    closed.delete(name);
    opened.add(name);
  }
  return { open: [...opened].join(","), shut: [...closed].join(",") };
}

/** Cards side by side, as many columns as leave the last row nearly full. */
export function ChartGrid({ names, ...common }: Common & { names: string[] }) {
  const host = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = host.current;
    if (!element) return;
    setWidth(element.clientWidth); // before anything is drawn: a chart made for one column would be made again
    const resized = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    resized.observe(element);
    return () => resized.disconnect();
  }, []);
  const columns = width ? columnsFor(width, names.length) : 1;
  const rows = Math.ceil(names.length / columns);
  const tall = rows === 1 ? "one-row" : rows === 2 && columns > 1 ? "two-rows" : "";
  return (
    <div
      className={`chart-grid ${tall}`}
      ref={host}
      style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}
    >
      {width > 0 && names.map((metric) => <Slot key={metric} metric={metric} {...common} />)}
    </div>
  );
}

/** A chart near the viewport, else the room it will take: 1,500 canvases would be gigabytes. */
function Slot({ metric, shared, cards, actions, heats, own }: Common & { metric: string }) {
  const several = shared.runs.length > 1 ? shared.runs.find((run) => run.uuid === own) : undefined;
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
  return (
    <div className="slot" data-metric={metric} ref={host}>
      {near && heats.has(metric) && (
        <Suspense fallback={null}>
          <HeatCard
            run={own}
            metric={metric}
            step={null}
            byCount={false}
            ridge={false}
            onStep={ignore}
            compact
            {...(several ? { of: several.name } : {})}
            synced={shared.axis === "step"}
          />
        </Suspense>
      )}
      {near && !heats.has(metric) && (
        <LineChart
          metric={metric}
          settings={cards.settings[metric] ?? PLAIN}
          pinned={cards.pinned.includes(metric)}
          actions={actions}
          {...shared}
        />
      )}
    </div>
  );
}

function ignore(): void {
  // A card among line charts has no slider to move.
}
