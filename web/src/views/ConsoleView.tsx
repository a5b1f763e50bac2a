import "../styles/console.css";
import { useDeferredValue, useMemo } from "react";
import { setParams, useParam } from "../address/location";
import type { RunRow } from "../api/types";
import { Lines } from "../console/Lines";
import { matcher } from "../format/names";
import { plural } from "../format/number";
import { clock } from "../format/time";
import { Failed, Loading, Note } from "../parts/Note";
import type { Listener } from "../api/live";
import { useConsole } from "./useConsole";
import { usePinned } from "./usePinned";

interface Props {
  run: RunRow;
  live: boolean;
  subscribe: (listener: Listener) => () => void;
}

const STREAMS = [
  ["", "All"],
  ["1", "stdout"],
  ["2", "stderr"],
] as const;

export function ConsoleView({ run, live, subscribe }: Props) {
  const [search, setSearch] = useParam("q", "");
  const [stream, setStream] = useParam("stream", "");
  const { lines, skipped, error, loaded, loadAll, retry } = useConsole(run.uuid, subscribe);
  const [pinned, pin] = usePinned();
  const query = useDeferredValue(search);
  const shown = useMemo(() => {
    const matches = matcher(query);
    return lines.filter(
      (line) => (stream === "" || line.stream === Number(stream)) && (!query || matches(line.text)),
    );
  }, [lines, query, stream]);
  if (error && !loaded) return <Failed error={error} retry={retry} />;
  if (!loaded) return <Loading what="Loading the output" />;
  if (!lines.length) {
    return (
      <Note title="Nothing was printed.">
        What goes through <code>sys.stdout</code> and <code>sys.stderr</code> after{" "}
        <code>stepwell.init()</code> appears here
        {live ? ", as it is printed" : ""}.
      </Note>
    );
  }
  return (
    <div className="console-view">
      <div className="toolbar">
        <input
          type="search"
          className="search"
          placeholder="Search the output"
          aria-label="Search the output"
          value={search}
          onChange={(event) => setSearch(event.target.value, true)}
        />
        <div className="choice" role="group" aria-label="stream">
          {STREAMS.map(([name, title]) => (
            <button
              key={name}
              type="button"
              aria-pressed={stream === name}
              onClick={() => setStream(name, true)}
            >
              {title}
            </button>
          ))}
        </div>
        <span className="dim">
          {query || stream
            ? `${shown.length.toLocaleString("en")} of ${plural(lines.length, "line")}`
            : plural(lines.length, "line")}
        </span>
        {pinned !== null && (
          <span className="chip">
            {clock(pinned).slice(11)}
            <button type="button" className="inline" onClick={() => setParams({ tab: null, dock: "1" })}>
              see it in the charts
            </button>
            <button type="button" className="quiet" aria-label="Unpin" onClick={() => pin(null)}>
              ×
            </button>
          </span>
        )}
        {skipped > 0 && (
          <button type="button" className="inline" onClick={loadAll}>
            {skipped.toLocaleString("en")} earlier pieces are not loaded: load all
          </button>
        )}
      </div>
      <Lines lines={shown} ranks={(run.ranks ?? 1) > 1} onPin={(ms) => pin(ms === pinned ? null : ms)} />
    </div>
  );
}
