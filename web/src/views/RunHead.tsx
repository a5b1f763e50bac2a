import { useState } from "react";
import { fieldValue, runName, runTags } from "../api/run";
import type { RunRow, State } from "../api/types";
import { useHold } from "../api/retention";
import { ago, clock, duration } from "../format/time";
import { Copy } from "../parts/Copy";
import { StateDot } from "../parts/StateDot";
import { RunEdit } from "./RunEdit";

interface Props {
  project: string;
  run: RunRow;
  state: State;
  colour: string;
}

export function RunHead({ project, run, state, colour }: Props) {
  const [now] = useState(() => Date.now());
  const started = run.started ?? run.created;
  const user = fieldValue(run, "env/user");
  const commit = fieldValue(run, "env/git/commit");
  const notes = fieldValue(run, "notes");
  const hold = useHold(project, run.id);
  return (
    <div className="run-head">
      <i className="swatch" style={{ background: colour }} />
      <h1 title={runName(run)}>{runName(run)}</h1>
      <StateDot state={state} word />
      <RunEdit project={project} run={run} />
      <div className="facts">
        <Copy text={`${project}/${run.id}`} label="Copy project/id">
          <span className="mono">{run.id}</span>
        </Copy>
        <span title={clock(started)}>started {ago(started, now)}</span>
        <span>
          {state === "running" ? "running for " : "took "}
          {duration((run.ended ?? now) - started)}
        </span>
        {typeof user === "string" && <span>{user}</span>}
        {typeof commit === "string" && <span className="mono">{commit.slice(0, 8)}</span>}
        {(run.ranks ?? 1) > 1 && <span>{run.ranks} ranks</span>}
        {hold && (
          <span className="hold" title={`held by ${hold.by} until ${hold.until}`}>
            hold until {hold.until.slice(0, 10)}: {hold.reason}
          </span>
        )}
        {runTags(run).map((tag) => (
          <i key={tag} className="tag">
            {tag}
          </i>
        ))}
      </div>
      {typeof notes === "string" && notes && <p className="run-notes">{notes}</p>}
    </div>
  );
}
