import { type ComponentProps, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useParam } from "../address/location";
import type { Listener } from "../api/live";
import type { Named } from "../api/types";
import { groups, matcher } from "../format/names";
import { plural } from "../format/number";
import { StepSlider, union } from "../parts/StepSlider";
import { route } from "./routes";
import { useFreshHeat } from "./useFreshHeat";
import { useStep } from "./useStep";

// Sent for at once, and not waited for: the view's own controls are there before what draws.
const HeatCard = route(() => import("../heat/HeatCard").then((module) => module.HeatCard));
HeatCard.load().catch(() => undefined); // it is said where it is drawn

interface Props {
  run: string;
  metrics: Named[];
  subscribe: (listener: Listener) => () => void;
}

export function Distributions({ run, metrics, subscribe }: Props) {
  const [search, setSearch] = useParam("q", "");
  const [colour, setColour] = useParam("colour", "share");
  const [view, setView] = useParam("view", "heat");
  const [step, onStep] = useStep();
  const [lists, setLists] = useState<Map<string, number[]>>(new Map());
  const onSteps = useCallback(
    (metric: string, steps: number[]) => setLists((old) => new Map(old).set(metric, steps)),
    [],
  );
  const steps = useMemo(() => union(lists.values()), [lists]);
  const names = metrics.filter((metric) => metric.kind === "histogram").map((metric) => metric.name);
  const found = groups(names.filter(matcher(search)));
  useFreshHeat(run, subscribe);
  const card = { run, step, onStep, onSteps, byCount: colour === "count", ridge: view === "ridge" };
  return (
    <div>
      <div className="toolbar sticky">
        <input
          type="search"
          className="search"
          placeholder={`Search ${plural(names.length, "histogram")}`}
          aria-label="Search histograms"
          value={search}
          onChange={(event) => setSearch(event.target.value, true)}
        />
        <div className="choice" role="group" aria-label="how distributions are drawn">
          <button type="button" aria-pressed={view !== "ridge"} onClick={() => setView("heat")}>
            Heatmap
          </button>
          <button type="button" aria-pressed={view === "ridge"} onClick={() => setView("ridge")}>
            Ridges
          </button>
        </div>
        <div className="choice" role="group" aria-label="what is shown of the counts">
          <button type="button" aria-pressed={colour === "share"} onClick={() => setColour("share")}>
            Share
          </button>
          <button type="button" aria-pressed={colour === "count"} onClick={() => setColour("count")}>
            Log count
          </button>
        </div>
        <StepSlider steps={steps} step={step} onStep={onStep} />
      </div>
      {found.map(({ prefix, names: members }) => (
        <section className="group" key={prefix} aria-label={prefix || "histograms"}>
          {found.length > 1 && <h2 className="group-name">{prefix || "histograms"}</h2>}
          <div className="grid wide">
            {members.map((metric) => (
              <Slot key={metric} metric={metric} {...card} />
            ))}
          </div>
        </section>
      ))}
      {!found.length && <p className="dim pad">no histogram matches</p>}
    </div>
  );
}

function Slot(props: ComponentProps<typeof HeatCard>) {
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
    <div className="slot heat-slot" ref={host}>
      <Suspense fallback={null}>{near && <HeatCard {...props} />}</Suspense>
    </div>
  );
}
