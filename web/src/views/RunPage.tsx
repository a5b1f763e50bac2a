import "../styles/run.css";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { setParams, useParam } from "../address/location";
import { openingQuery, shownIds } from "../api/queries";
import { useLive, type Listener, type LiveEvent } from "../api/live";
import { chosenColours, runName } from "../api/run";
import type { RunRow } from "../api/types";
import { distinct } from "../format/names";
import { Fallible } from "../parts/Fallible";
import { Failed, Loading, Note } from "../parts/Note";
import { colour, together } from "../theme/palette";
import { useTheme } from "../theme/theme";
import type { ShownRun } from "../charts/LineChart";
import { Charts, route } from "./routes";
import { forget, pin } from "../charts/moment";
import { RunHead } from "./RunHead";
import { Tabs } from "./Tabs";
import { usePinned } from "./usePinned";

// Charts are what most visits come for (routes.tsx); the other views come when they are asked for.
const CompareView = route(() => import("./CompareView").then((module) => module.CompareView));
const ConfigView = route(() => import("./ConfigView").then((module) => module.ConfigView));
const ConsoleDock = route(() => import("./ConsoleDock").then((module) => module.ConsoleDock));
const ConsoleView = route(() => import("./ConsoleView").then((module) => module.ConsoleView));
const Distributions = route(() => import("./Distributions").then((module) => module.Distributions));
const EnvironmentView = route(() => import("./EnvironmentView").then((module) => module.EnvironmentView));
const Files = route(() => import("./Files").then((module) => module.Files));
const Media = route(() => import("./Media").then((module) => module.Media));
const SummaryView = route(() => import("./SummaryView").then((module) => module.SummaryView));
const SystemView = route(() => import("./SystemView").then((module) => module.SystemView));
const Texts = route(() => import("./Texts").then((module) => module.Texts));

export function RunPage({ project, id }: { project: string; id: string }) {
  const theme = useTheme();
  const [tab] = useParam("tab", "charts");
  const [others] = useParam("with", "");
  const [starred] = useParam("sel", "");
  const [dock] = useParam("dock", "");
  const [pinned] = usePinned();
  useEffect(() => pin(pinned), [pinned]);
  useEffect(() => forget, [project, id]);
  const opening = useQuery({
    ...openingQuery(project, shownIds(id, others)),
    placeholderData: keepPreviousData, // while a run is laid over, the others stay
    refetchInterval: ROWS_EVERY_MS,
  });
  const rows = useMemo<RunRow[]>(() => {
    const byId = new Map(opening.data?.runs.map((run) => [run.id, run]));
    return shownIds(id, others)
      .map((one) => byId.get(one))
      .filter((run) => run !== undefined);
  }, [opening.data, id, others]);
  const main = rows[0]?.id === id ? rows[0] : undefined;
  const metrics = opening.data?.metrics;
  const uuids = rows.map((run) => run.uuid).join(",");
  const { subscribe, states } = useNews(project, uuids);
  const runs = useMemo<ShownRun[]>(() => {
    const created = new Map(rows.map((run) => [run.id, run.created]));
    const stars = starred ? starred.split(",") : [];
    const places = together(
      [...created.keys()],
      [id, ...stars],
      (one) => created.get(one)!,
      chosenColours(rows),
    );
    const names = distinct(rows.map(runName));
    return rows.map((run, index) => ({
      uuid: run.uuid,
      name: names[index] ?? run.id,
      colour: colour(theme, places.get(run.id)),
      started: run.started ?? run.created,
    }));
  }, [rows, theme, id, starred]);

  if (!opening.data) {
    return opening.error ? (
      <Failed error={opening.error} retry={() => void opening.refetch()} />
    ) : (
      <Loading what={`Loading ${id}`} />
    );
  }
  if (!main) {
    return (
      <Note title={`There is no run ${id} in ${project}.`}>
        It may be in <a href={`#/${encodeURIComponent(project)}?trash=1`}>the trash</a> or purged, or its
        records have not arrived yet: <code>stepwell sync</code> on its host sends what waits there.{" "}
        <a href={`#/${encodeURIComponent(project)}`}>See the runs of {project}.</a>
      </Note>
    );
  }
  const state = states[main.uuid] ?? main.state;
  const beside = tab === "charts" || tab === "system";
  const docked = beside && (dock === "1" || pinned !== null);
  const kinds = new Set(metrics?.map((metric) => metric.kind));
  const tabs = [
    ["charts", "Charts"],
    ...(rows.length > 1 || tab === "diff" ? [["diff", "Differences"]] : []),
    ...(kinds.has("histogram") ? [["hist", "Distributions"]] : []),
    ...(kinds.has("text") ? [["text", "Text"]] : []),
    ["summary", "Summary"],
    ["config", "Config"],
    ["system", "System"],
    ["console", "Console"],
    ["media", "Media"],
    ["files", "Files"],
    ["env", "Environment"],
  ] as [string, string][];
  return (
    <div className="page run">
      <RunHead project={project} run={main} state={state} colour={runs[0]!.colour} />
      <Tabs tabs={tabs} tab={tab}>
        {beside && (
          <button
            type="button"
            className="beside"
            aria-pressed={docked}
            title="the output at the cursor of the charts"
            onClick={() => setParams({ dock: docked ? null : "1", t: null })}
          >
            Output beside
          </button>
        )}
      </Tabs>
      <Fallible at={tab}>
        <Suspense fallback={<Loading what="Loading" />}>
          {tab === "charts" && (
            <Charts
              project={project}
              rows={rows}
              runs={runs}
              total={opening.data.total}
              metrics={metrics}
              states={states}
              subscribe={subscribe}
            />
          )}
          {tab === "hist" && <Distributions run={main.uuid} metrics={metrics ?? []} subscribe={subscribe} />}
          {tab === "text" && <Texts run={main.uuid} metrics={metrics ?? []} />}
          {tab === "diff" && <CompareView project={project} rows={rows} runs={runs} />}
          {tab === "summary" && <SummaryView project={project} run={main} />}
          {tab === "config" && <ConfigView rows={rows} runs={runs} />}
          {tab === "system" && <SystemView run={main} live={state === "running"} />}
          {tab === "console" && <ConsoleView run={main} live={state === "running"} subscribe={subscribe} />}
          {tab === "media" && <Media project={project} run={main} />}
          {tab === "files" && <Files project={project} run={main} />}
          {tab === "env" && <EnvironmentView project={project} run={main} />}
        </Suspense>
      </Fallible>
      {docked && (
        <Fallible at="dock">
          <Suspense fallback={null}>
            <ConsoleDock run={main} subscribe={subscribe} />
          </Suspense>
        </Fallible>
      )}
    </div>
  );
}

const LISTS_EVERY_MS = 5_000;
const ROWS_EVERY_MS = 10_000;

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
        void queries.invalidateQueries({ queryKey: ["opening", project] });
        void queries.invalidateQueries({ queryKey: ["metrics", project] });
        void queries.invalidateQueries({ queryKey: ["texts", event.run] });
      }
      if (event.state !== "running" && !event.fresh)
        void queries.invalidateQueries({ queryKey: ["opening", project] });
    },
    [queries, project],
  );
  const states = useLive(uuids ? uuids.split(",") : [], on);
  return { subscribe, states };
}
