import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { lastLooked, lookFromOutput, useMoment } from "../charts/moment";
import { clock } from "../format/time";
import { lineAt, timesOf } from "./places";
import type { Line } from "./screen";

interface Props {
  lines: Line[];
  ranks: boolean;
  /** Called with the time of a line whose time is pressed: its moment is kept. */
  onPin: (ms: number) => void;
}

const LINE = 20;

/** Follows the end until somebody scrolls up, and goes along while a chart is pointed at. */
export function Lines({ lines, ranks, onPin }: Props) {
  const scroll = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  const [visited] = useState(lastLooked);
  const moment = useMoment();
  const times = useMemo(() => timesOf(lines), [lines]);
  const at = moment ? lineAt(times, moment.ms) : -1;
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => LINE,
    overscan: 30,
  });
  const led = moment !== null && moment.from !== "output";
  useEffect(() => {
    const element = scroll.current;
    if (following && !led && element) element.scrollTop = element.scrollHeight;
  }, [lines, following, led]);
  useEffect(() => {
    if (led) bring(scroll.current, at);
  }, [led, at]);
  const back = visited === null || led ? -1 : lineAt(times, visited);
  return (
    <div className="console-host">
      <div
        className="console card"
        ref={scroll}
        tabIndex={0}
        role="log"
        aria-label="output"
        onScroll={(event) => {
          if (led) return; // scrolled by a chart, not by hand
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          setFollowing(scrollHeight - scrollTop - clientHeight < 2 * LINE);
        }}
        onPointerLeave={() => lookFromOutput(null)}
      >
        <div className="rows" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const line = lines[index]!;
            return (
              <div
                key={index}
                className={`line${line.stream === 2 ? " err" : ""}${index === at ? " at" : ""}`}
                style={{ transform: `translateY(${start}px)` }}
                onPointerEnter={() => lookFromOutput(times[index]!)}
              >
                <button
                  type="button"
                  className="when"
                  tabIndex={-1}
                  title={`${clock(line.ms)}: keep the cursor of the charts here`}
                  onClick={() => onPin(times[index]!)}
                >
                  <time>{clock(line.ms).slice(11)}</time>
                </button>
                {ranks && <span className="rank">{line.rank}</span>}
                <span className="said">
                  {line.spans.map((span, place) => (
                    <span key={place} className={span.style || undefined}>
                      {span.text}
                    </span>
                  ))}
                </span>
              </div>
            );
          })}
        </div>
      </div>
      <div className="console-jumps">
        {back >= 0 && (
          <button
            type="button"
            title="where the charts were last pointed at"
            onClick={() => {
              setFollowing(false);
              onPin(times[back]!);
            }}
          >
            ↑ as in the charts, {clock(times[back]!).slice(11)}
          </button>
        )}
        {!following && !led && (
          <button type="button" onClick={() => setFollowing(true)}>
            ↓ follow the end
          </button>
        )}
      </div>
    </div>
  );
}

/** Scrolls no further than it must, and not at all where the line is in view. */
function bring(element: HTMLElement | null, index: number): void {
  if (!element || index < 0) return;
  const top = index * LINE;
  const { scrollTop, clientHeight } = element;
  if (top >= scrollTop && top + 2 * LINE <= scrollTop + clientHeight) return;
  element.scrollTop = top - clientHeight / 2;
}
