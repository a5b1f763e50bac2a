import { useState } from "react";
import { fieldValue, runName, runTags } from "../api/run";
import type { RunRow, State } from "../api/types";
import { age, clock, duration } from "../format/time";
import { StateDot } from "../parts/StateDot";

export function RunHead({ project, run, state }: { project: string; run: RunRow; state: State }) {
  const [copied, setCopied] = useState(false);
  const [now] = useState(() => Date.now());
  const started = run.started ?? run.created;
  const user = fieldValue(run, "env/user");
  const commit = fieldValue(run, "env/git/commit");
  const copy = () => {
    void navigator.clipboard.writeText(`${project}/${run.id}`).then(() => setCopied(true));
    window.setTimeout(() => setCopied(false), 1500);
  };
  return (
    <div className="run-head">
      <h1 title={runName(run)}>{runName(run)}</h1>
      <StateDot state={state} word />
      <div className="facts">
        <button type="button" className="inline mono" title="Copy project/id" onClick={copy}>
          {copied ? "copied" : run.id}
        </button>
        <span title={clock(started)}>
          started {age(started, now)} {now - started > 45_000 ? "ago" : ""}
        </span>
        <span>
          {state === "running" ? "running for " : "took "}
          {duration((run.ended ?? now) - started)}
        </span>
        {typeof user === "string" && <span>{user}</span>}
        {typeof commit === "string" && <span className="mono">{commit.slice(0, 8)}</span>}
        {(run.ranks ?? 1) > 1 && <span>{run.ranks} ranks</span>}
        {runTags(run).map((tag) => (
          <i key={tag} className="tag">
            {tag}
          </i>
        ))}
      </div>
    </div>
  );
}
