import "../styles/console.css";
import { setParams } from "../address/location";
import type { Listener } from "../api/live";
import type { RunRow } from "../api/types";
import { useMoment } from "../charts/moment";
import { Lines } from "../console/Lines";
import { whole } from "../format/number";
import { clock } from "../format/time";
import { useConsole } from "./useConsole";
import { usePinned } from "./usePinned";

interface Props {
  run: RunRow;
  subscribe: (listener: Listener) => () => void;
}

/** The output under the charts, at the moment that they are pointed at, and the other way round. */
export function ConsoleDock({ run, subscribe }: Props) {
  const { lines, skipped, error, loaded, retry } = useConsole(run.uuid, subscribe);
  const [pinned, pin] = usePinned();
  const moment = useMoment();
  return (
    <section className="dock" aria-label="output beside the charts">
      <header className="dock-head">
        <b>Output</b>
        {moment ? (
          <span>
            {clock(moment.ms).slice(11)}
            {moment.step !== null && ` · step ${whole(moment.step)}`}
          </span>
        ) : (
          <span className="dim">follows the cursor of the charts, and moves it</span>
        )}
        {pinned !== null && (
          <button type="button" className="inline" onClick={() => pin(null)}>
            unpin {clock(pinned).slice(11)}
          </button>
        )}
        <span className="grow" />
        {skipped > 0 && <span className="dim">the last {whole(lines.length)} lines</span>}
        <button type="button" className="inline" onClick={() => setParams({ tab: "console", dock: null })}>
          search it
        </button>
        <button
          type="button"
          className="quiet"
          aria-label="Close the output"
          onClick={() => setParams({ dock: null, t: null })}
        >
          ×
        </button>
      </header>
      {lines.length > 0 ? (
        <Lines lines={lines} ranks={(run.ranks ?? 1) > 1} onPin={(ms) => pin(ms === pinned ? null : ms)} />
      ) : (
        <p className="dock-note dim" role="status">
          {error && !loaded
            ? "The output could not be loaded. "
            : loaded
              ? "Nothing was printed."
              : "Loading the output"}
          {Boolean(error) && !loaded && (
            <button type="button" className="inline" onClick={retry}>
              Try again
            </button>
          )}
        </p>
      )}
    </section>
  );
}
