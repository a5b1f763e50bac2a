import "../styles/run.css";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useMemo, useRef, useState } from "react";
import { setParams, useParam } from "../address/location";
import { EVERY_RUN, metricsQuery } from "../api/queries";
import { useLive, type Listener, type LiveEvent } from "../api/live";
import { runName } from "../api/run";
import type { RunRow } from "../api/types";
import { distinct } from "../format/names";
import { Failed, Loading, Note } from "../parts/Note";
import { assign, colour } from "../theme/palette";
import { useTheme } from "../theme/theme";
import type { ShownRun } from "../charts/LineChart";
import { Charts } from "./Charts";
import { RunHead } from "./RunHead";
import { useTable } from "./useTable";

// Charts are what most visits come for; the other views come when they are asked for.
const ConfigView = lazy(() => import("./ConfigView").then((module) => ({ default: module.ConfigView })));
const ConsoleView = lazy(() => import("./ConsoleView").then((module) => ({ default: module.ConsoleView })));
const Distributions = lazy(() =>
  import("./Distributions").then((module) => ({ default: module.Distributions })),
);
const EnvironmentView = lazy(() =>
  import("./EnvironmentView").then((module) => ({ default: module.EnvironmentView })),
);
const Files = lazy(() => import("./Files").then((module) => ({ default: module.Files })));
const SummaryView = lazy(() => import("./SummaryView").then((module) => ({ default: module.SummaryView })));
const Texts = lazy(() => import("./Texts").then((module) => ({ default: module.Texts })));

export function RunPage({ project, id }: { project: string; id: string }) {
  const theme = useTheme();
  const [tab] = useParam("tab", "charts");
  const [others] = useParam("with", "");
  const table = useTable(project, "", EVERY_RUN);
  const main = table.data?.runs.find((run) => run.id === id);
  const rows = useMemo(() => {
    const byId = new Map(table.data?.runs.map((run) => [run.id, run]));
    const ids = [id, ...(others ? others.split(",") : [])];
    return [...new Set(ids)].map((one) => byId.get(one)).filter((run): run is RunRow => run !== undefined);
  }, [table.data, id, others]);
  const uuids = rows.map((run) => run.uuid).join(",");
  const { subscribe, states } = useNews(project, uuids);
  const runs = useMemo<ShownRun[]>(() => {
    // In the order of their start, so that a run keeps its hue when another joins.
    const ids = [...rows].sort((a, b) => a.created - b.created).map((run) => run.uuid);
    const places = assign(ids);
    const names = distinct(rows.map(runName));
    return rows.map((run, index) => ({
      uuid: run.uuid,
      name: names[index] ?? run.id,
      colour: colour(theme, places.get(run.uuid)),
      started: run.started ?? run.created,
    }));
  }, [rows, theme]);
  const metrics = useQuery(metricsQuery(project, id));

  if (!table.data) {
    return table.error ? (
      <Failed error={table.error} retry={() => void table.refetch()} />
    ) : (
      <Loading what={`Loading ${id}`} />
    );
  }
  if (!main) {
    return (
      <Note title={`There is no run ${id} in ${project}.`}>
        It may have been deleted, or its records have not arrived yet: <code>stepwell sync</code> on its host
        sends what waits there. <a href={`#/${encodeURIComponent(project)}`}>See the runs of {project}.</a>
      </Note>
    );
  }
  const state = states[main.uuid] ?? main.state;
  const kinds = new Set(metrics.data?.map((metric) => metric.kind));
  const tabs = [
    ["charts", "Charts"],
    ...(kinds.has("histogram") ? [["hist", "Distributions"]] : []),
    ...(kinds.has("text") ? [["text", "Text"]] : []),
    ["summary", "Summary"],
    ["config", "Config"],
    ["console", "Console"],
    ["files", "Files"],
    ["env", "Environment"],
  ] as [string, string][];
  return (
    <div className="page run">
      <RunHead project={project} run={main} state={state} />
      <nav className="tabs" aria-label="views of the run">
        {tabs.map(([name, title]) => (
          <button
            key={name}
            type="button"
            aria-current={tab === name ? "page" : undefined}
            onClick={() => setParams({ tab: name === "charts" ? null : name })}
          >
            {title}
          </button>
        ))}
      </nav>
      {metrics.error && !metrics.data && (
        <Failed error={metrics.error} retry={() => void metrics.refetch()} />
      )}
      {tab === "charts" && (
        <Charts
          project={project}
          rows={rows}
          runs={runs}
          every={table.data.runs}
          metrics={metrics.data}
          states={states}
          subscribe={subscribe}
        />
      )}
      <Suspense fallback={<Loading what="Loading" />}>
        {tab === "hist" && (
          <Distributions run={main.uuid} metrics={metrics.data ?? []} subscribe={subscribe} />
        )}
        {tab === "text" && <Texts run={main.uuid} metrics={metrics.data ?? []} />}
        {tab === "summary" && <SummaryView run={main} metrics={metrics.data ?? []} />}
        {tab === "config" && <ConfigView rows={rows} runs={runs} />}
        {tab === "console" && <ConsoleView run={main} live={state === "running"} subscribe={subscribe} />}
        {tab === "files" && <Files project={project} run={main} />}
        {tab === "env" && <EnvironmentView project={project} run={main} />}
      </Suspense>
    </div>
  );
}

const LISTS_EVERY_MS = 5_000;

/** The live stream of the runs: handed to whoever subscribes; lists are asked again now and then. */
function useNews(project: string, uuids: string) {
  const queries = useQueryClient();
  const listeners = useRef(new Set<Listener>());
  const asked = useRef(0);
  const [subscribe] = useState(() => (listener: Listener) => {
    listeners.current.add(listener);
    return () => {
      listeners.current.delete(listener);
    };
  });
  const on = useCallback(
    (event: LiveEvent) => {
      for (const listener of listeners.current) listener(event);
      const now = Date.now();
      if (event.news.length && now - asked.current > LISTS_EVERY_MS) {
        asked.current = now;
        void queries.invalidateQueries({ queryKey: ["metrics", project] });
        void queries.invalidateQueries({ queryKey: ["texts", event.run] });
      }
      if (event.state !== "running" && !event.fresh)
        void queries.invalidateQueries({ queryKey: ["table", project] });
    },
    [queries, project],
  );
  const states = useLive(uuids ? uuids.split(",") : [], on);
  return { subscribe, states };
}
