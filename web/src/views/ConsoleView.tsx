import "../styles/console.css";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { useParam } from "../address/location";
import type { RunRow } from "../api/types";
import type { Line } from "../console/screen";
import { matcher } from "../format/names";
import { plural } from "../format/number";
import { clock } from "../format/time";
import { Failed, Loading, Note } from "../parts/Note";
import type { Listener } from "../api/live";
import { useConsole } from "./useConsole";

interface Props {
  run: RunRow;
  live: boolean;
  subscribe: (listener: Listener) => () => void;
}

const LINE = 20;
const STREAMS = [
  ["", "All"],
  ["1", "stdout"],
  ["2", "stderr"],
] as const;

export function ConsoleView({ run, live, subscribe }: Props) {
  const [search, setSearch] = useParam("q", "");
  const [stream, setStream] = useParam("stream", "");
  const { lines, skipped, error, loaded, loadAll, retry } = useConsole(run.uuid, subscribe);
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
        {skipped > 0 && (
          <button type="button" className="inline" onClick={loadAll}>
            {skipped.toLocaleString("en")} earlier pieces are not loaded: load all
          </button>
        )}
      </div>
      <Lines lines={shown} ranks={(run.ranks ?? 1) > 1} />
    </div>
  );
}

/** Follows the end until somebody scrolls up. */
function Lines({ lines, ranks }: { lines: Line[]; ranks: boolean }) {
  const scroll = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => LINE,
    overscan: 30,
  });
  useEffect(() => {
    const element = scroll.current;
    if (following && element) element.scrollTop = element.scrollHeight;
  }, [lines, following]);
  return (
    <div className="console-host">
      <div
        className="console card"
        ref={scroll}
        tabIndex={0}
        role="log"
        aria-label="output"
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          setFollowing(scrollHeight - scrollTop - clientHeight < 2 * LINE);
        }}
      >
        <div className="rows" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const line = lines[index]!;
            return (
              <div
                key={index}
                className={line.stream === 2 ? "line err" : "line"}
                style={{ transform: `translateY(${start}px)` }}
              >
                <time title={clock(line.ms)}>{clock(line.ms).slice(11)}</time>
                {ranks && <span className="rank">{line.rank}</span>}
                <span className="said">
                  {line.spans.map((span, at) => (
                    <span key={at} className={span.style || undefined}>
                      {span.text}
                    </span>
                  ))}
                </span>
              </div>
            );
          })}
        </div>
      </div>
      {!following && (
        <button type="button" className="follow" onClick={() => setFollowing(true)}>
          ↓ follow the end
        </button>
      )}
    </div>
  );
}
