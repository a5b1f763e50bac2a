import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { runPath, setParams, useParam } from "../address/location";
import { findQuery } from "../api/queries";
import { runName } from "../api/run";
import type { RunRow, State } from "../api/types";
import { light, useLit } from "../charts/lit";
import type { ShownRun } from "../charts/LineChart";
import { age } from "../format/time";
import { Loading } from "../parts/Note";
import { Popover } from "../parts/Popover";
import { StateDot } from "../parts/StateDot";

interface Props {
  project: string;
  rows: RunRow[];
  runs: ShownRun[];
  /** How many runs the project has. */
  total: number;
  states: Record<string, State>;
}

const OFFERED = 100;

/** The runs in the charts: shown or hidden, taken away, others laid over. */
export function Legend({ project, rows, runs, total, states }: Props) {
  const [hidden] = useParam("hide", "");
  const away = new Set(hidden ? hidden.split(",") : []);
  const lit = useLit();
  const hide = (id: string) => {
    const next = new Set(away);
    if (!next.delete(id)) next.add(id);
    setParams({ hide: [...next].join(",") }, true);
  };
  const overlay = (ids: string[]) => setParams({ with: ids.join(",") });
  const others = rows.slice(1).map((row) => row.id);
  return (
    <div className="legend">
      <ul>
        {rows.map((row, index) => {
          const run = runs[index]!;
          const off = away.has(row.id);
          return (
            <li
              key={row.uuid}
              className={`${lit === row.uuid ? "lit" : ""} ${off ? "off" : ""}`}
              onPointerEnter={() => light(row.uuid)}
              onPointerLeave={() => light(null)}
            >
              <button
                type="button"
                className="swatch-button"
                aria-pressed={!off}
                aria-label={`${off ? "Show" : "Hide"} ${runName(row)}`}
                title={off ? "show" : "hide"}
                onClick={() => hide(row.id)}
                onFocus={() => light(row.uuid)}
                onBlur={() => light(null)}
              >
                <i
                  className="swatch"
                  style={{ background: off ? "transparent" : run.colour, borderColor: run.colour }}
                />
              </button>
              <a className="cut" href={`#${runPath(project, row.id)}`} title={`${runName(row)} (${row.id})`}>
                {run.name}
              </a>
              <StateDot state={states[row.uuid] ?? row.state} />
              {index > 0 && (
                <button
                  type="button"
                  className="quiet"
                  aria-label={`Take ${runName(row)} away`}
                  title="take away"
                  onClick={() => overlay(others.filter((id) => id !== row.id))}
                >
                  ×
                </button>
              )}
            </li>
          );
        })}
      </ul>
      {total > rows.length && (
        <Popover label="Compare with…">
          <Candidates
            project={project}
            taken={new Set(rows.map((row) => row.id))}
            onAdd={(id) => overlay([...others, id])}
          />
        </Popover>
      )}
    </div>
  );
}

function Candidates({
  project,
  taken,
  onAdd,
}: {
  project: string;
  taken: Set<string>;
  onAdd: (id: string) => void;
}) {
  const [search, setSearch] = useState("");
  const [now] = useState(() => Date.now());
  const asked = useQuery({
    ...findQuery(project, search.trim(), OFFERED),
    placeholderData: keepPreviousData,
  });
  if (!asked.data) return <Loading what="Loading the runs" />;
  const found = asked.data.runs.filter((run) => !taken.has(run.id));
  const more = asked.data.found - asked.data.runs.length;
  return (
    <>
      <input
        type="search"
        autoFocus
        placeholder="Search runs"
        aria-label="Search runs to lay over"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <ul className="candidates">
        {found.map((run) => (
          <li key={run.uuid}>
            <button type="button" onClick={() => onAdd(run.id)} title={runName(run)}>
              <StateDot state={run.state} />
              <span className="cut">{runName(run)}</span>
              <span className="dim">{age(run.created, now)}</span>
            </button>
          </li>
        ))}
      </ul>
      {more > 0 && <p className="dim">{more.toLocaleString("en")} more: search to narrow</p>}
      {!found.length && <p className="dim">no other run matches</p>}
    </>
  );
}
