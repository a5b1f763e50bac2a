import { useState } from "react";
import { projectPath } from "../address/location";
import { useMoved, useRetention, useTrash } from "../api/retention";
import { plural } from "../format/number";

/** The way to a project's trash, where something is in it, and the way back for what was just put there. */
export function TrashLine({ project }: { project: string }) {
  const trash = useTrash(project);
  const moved = useMoved(project);
  const { restore, forget } = useRetention(project);
  const [error, setError] = useState("");
  const undo = async () => {
    setError("");
    try {
      await restore(moved);
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : String(problem));
    }
  };
  const count = trash.data?.length ?? 0;
  return (
    <>
      <span role="status">
        {moved.length > 0 && (
          <span className="chip">
            {plural(moved.length, "run")} in the trash.
            <button type="button" className="inline" onClick={() => void undo()}>
              Undo
            </button>
            <button type="button" className="quiet" aria-label="Close this note" onClick={forget}>
              ×
            </button>
          </span>
        )}
      </span>
      {error && (
        <span className="warn" role="alert">
          {error}
        </span>
      )}
      {count > 0 && <a href={`#${projectPath(project)}?trash=1`}>Trash ({count.toLocaleString("en")})</a>}
    </>
  );
}
