import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { setParams } from "../address/location";
import { findQuery } from "../api/queries";
import { runName } from "../api/run";
import type { RunRow } from "../api/types";
import { age } from "../format/time";
import { Loading } from "../parts/Note";
import { Popover } from "../parts/Popover";
import { StateDot } from "../parts/StateDot";

const OFFERED = 100;

/** Lays other runs of the project over those that are shown. */
export function CompareWith({ project, rows }: { project: string; rows: RunRow[] }) {
  const others = rows.slice(1).map((row) => row.id);
  return (
    <Popover label="Compare with…">
      <Candidates
        project={project}
        taken={new Set(rows.map((row) => row.id))}
        onAdd={(id) => setParams({ with: [...others, id].join(",") })}
      />
    </Popover>
  );
}

interface Props {
  project: string;
  taken: Set<string>;
  onAdd: (id: string) => void;
}

function Candidates({ project, taken, onAdd }: Props) {
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
