import { useState } from "react";
import { projectPath } from "../address/location";
import { useRetention, useTrash, type Trashed } from "../api/retention";
import { ago, clock } from "../format/time";
import { Failed, Loading, Note } from "../parts/Note";

const SHOWN = 500;

/** The runs of a project that are in the trash, newest first; each can be brought back. */
export function TrashView({ project }: { project: string }) {
  const trash = useTrash(project);
  const { restore } = useRetention(project);
  const [now] = useState(() => Date.now());
  const [error, setError] = useState("");
  const [busy, setBusy] = useState("");
  const back = async (id: string) => {
    setError("");
    setBusy(id);
    try {
      await restore([id]);
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : String(problem));
    }
    setBusy("");
  };
  const runs = <a href={`#${projectPath(project)}`}>See the runs of {project}.</a>;
  if (!trash.data)
    return trash.error ? (
      <Failed error={trash.error} retry={() => void trash.refetch()} />
    ) : (
      <Loading what={`Loading the trash of ${project}`} />
    );
  if (!trash.data.length) return <Note title={`The trash of ${project} is empty.`}>{runs}</Note>;
  return (
    <div className="page narrow">
      <h1>Trash of {project}</h1>
      <p className="dim">
        Hidden everywhere else, and whole. What stays here is removed for good by{" "}
        <code>stepwell gc --apply</code> after the project's days in the trash.
      </p>
      <p>{runs}</p>
      {error && (
        <p className="warn" role="alert">
          {error}
        </p>
      )}
      <ul className="trashed">
        {trash.data.slice(0, SHOWN).map((run) => (
          <li key={run.id} className="card">
            <span>
              <b className="mono">{run.id}</b>
              <span className="dim" title={clock(Date.parse(run.time))}>
                {said(run, now)}
              </span>
            </span>
            <button
              type="button"
              disabled={busy !== ""}
              aria-label={`Restore ${run.id}`}
              onClick={() => void back(run.id)}
            >
              {busy === run.id ? "Restoring…" : "Restore"}
            </button>
          </li>
        ))}
      </ul>
      {trash.data.length > SHOWN && (
        <p className="dim">
          The newest {SHOWN} of {trash.data.length.toLocaleString("en")} are shown;{" "}
          <code>stepwell trash --list</code> names all.
        </p>
      )}
    </div>
  );
}

function said(run: Trashed, now: number): string {
  const who = run.by === "page" ? " on the page" : ` by ${run.by}`;
  return `${ago(Date.parse(run.time), now)}${who}${run.reason ? `: ${run.reason}` : ""}`;
}
