import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { go, projectPath } from "../address/location";
import { patchJson } from "../api/client";
import { fieldValue, runName, runTags } from "../api/run";
import { useRetention } from "../api/retention";
import type { RunRow } from "../api/types";
import { Popover } from "../parts/Popover";
import { HUES, NAMES, ownPlace } from "../theme/palette";
import { useTheme } from "../theme/theme";

/** Name, tags, notes and colour, for everybody who looks. */
export function RunEdit({ project, run }: { project: string; run: RunRow }) {
  return (
    <Popover label="Edit">
      {(close) => <Form key={run.uuid} project={project} run={run} close={close} />}
    </Popover>
  );
}

function Form({ project, run, close }: { project: string; run: RunRow; close: () => void }) {
  const queries = useQueryClient();
  const theme = useTheme();
  const before = {
    name: runName(run),
    tags: runTags(run).join(", "),
    notes: said(fieldValue(run, "notes")),
    colour: said(fieldValue(run, "colour")),
  };
  const [now, setNow] = useState(before);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const { trash } = useRetention(project);
  const discard = async () => {
    setBusy(true);
    try {
      await trash([run.id]);
      go(projectPath(project));
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : String(problem));
      setBusy(false);
    }
  };
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    const changes: Record<string, unknown> = {};
    if (now.name !== before.name) changes["name"] = now.name.trim() || null;
    if (now.tags !== before.tags)
      changes["tags"] = now.tags
        .split(",")
        .map((tag) => tag.trim())
        .filter(Boolean);
    if (now.notes !== before.notes) changes["notes"] = now.notes || null;
    if (now.colour !== before.colour) changes["colour"] = now.colour || null;
    if (!Object.keys(changes).length) {
      close();
      return;
    }
    setBusy(true);
    try {
      await patchJson(`runs/${encodeURIComponent(project)}/${encodeURIComponent(run.id)}`, changes);
      await Promise.all(
        ["opening", "table", "find"].map((name) => queries.invalidateQueries({ queryKey: [name, project] })),
      );
      close();
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : String(problem));
      setBusy(false);
    }
  };
  return (
    <form className="run-edit" onSubmit={(event) => void submit(event)}>
      <label>
        Name
        <input
          type="text"
          autoFocus
          value={now.name}
          onChange={(event) => setNow({ ...now, name: event.target.value })}
        />
      </label>
      <label>
        Tags, by commas
        <input
          type="text"
          value={now.tags}
          onChange={(event) => setNow({ ...now, tags: event.target.value })}
        />
      </label>
      <label>
        Notes
        <textarea
          rows={4}
          value={now.notes}
          onChange={(event) => setNow({ ...now, notes: event.target.value })}
        />
      </label>
      <fieldset className="hues">
        <legend>Colour</legend>
        {["", ...NAMES].map((name) => (
          <label key={name} title={name || "the colour of its id"}>
            <input
              type="radio"
              name="colour"
              checked={now.colour === name}
              aria-label={name || "the colour of its id"}
              onChange={() => setNow({ ...now, colour: name })}
            />
            <i
              className={name ? "hue" : "hue own"}
              style={{ background: HUES[theme][name ? NAMES.indexOf(name as "blue") : ownPlace(run.id)] }}
            />
          </label>
        ))}
      </fieldset>
      {error && (
        <p className="warn" role="alert">
          {error}
        </p>
      )}
      <button type="submit" className="primary" disabled={busy}>
        {busy ? "Saving…" : "Save"}
      </button>
      <div className="discard">
        <button type="button" disabled={busy} onClick={() => void discard()}>
          Move to trash
        </button>
        <span className="dim">Hides the run from every view; it can be restored.</span>
      </div>
    </form>
  );
}

function said(value: unknown): string {
  return typeof value === "string" ? value : "";
}
