import { memo, type ReactNode } from "react";
import { Popover } from "../parts/Popover";
import { siblings, type CardSettings } from "./cards";
import type { YScale } from "./curve";
import type { CardActions } from "./LineChart";

interface Tools {
  metric: string;
  settings: CardSettings;
  /** As drawn: the card's own or the page's. */
  scale: YScale;
  pinned: boolean;
  large: boolean;
  /** Some run has several ranks. */
  ranks: boolean;
  runs: string[];
  /** The card's own and those laid over it. */
  metrics: string[];
  /** All that could be. */
  names: string[];
  actions: CardActions;
  onPicture: () => void;
}

const SCALES: [YScale, string][] = [
  ["linear", "Linear"],
  ["log", "Log"],
  ["symlog", "Symlog"],
];

/** The name of a card, what it says of its data (the children), and what can be done with it. */
export function CardHead({ children, ...tools }: Tools & { children: ReactNode }) {
  const { metric, large, actions } = tools;
  return (
    <figcaption className="card-head">
      <CardTitle {...{ metric, large, actions }} />
      {children}
      <CardTools {...tools} />
    </figcaption>
  );
}

// Not asked again at each update of a live run: forty cards are updated together.

const CardTitle = memo(function CardTitle({
  metric,
  large,
  actions,
}: Pick<Tools, "metric" | "large" | "actions">) {
  const cut = metric.lastIndexOf("/") + 1;
  return (
    <button
      type="button"
      className="card-title"
      title={large ? metric : `${metric}: enlarge (f)`}
      onClick={() => !large && actions.enlarge(metric)}
    >
      {cut > 0 && <span className="prefix">{metric.slice(0, cut)}</span>}
      <span className="leaf">{metric.slice(cut)}</span>
    </button>
  );
});

const CardTools = memo(function CardTools(props: Tools) {
  const { metric, settings, scale, pinned, large, ranks, runs, metrics, names, actions, onPicture } = props;
  const set = (change: CardSettings) => actions.set(metric, { ...settings, ...change });
  return (
    <span className="card-tools">
      <button
        type="button"
        className="tool"
        aria-pressed={pinned}
        aria-label={`${pinned ? "Unpin" : "Pin"} ${metric}`}
        title={pinned ? "unpin" : "pin to the top"}
        onClick={() => actions.pin(metric)}
      >
        <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
          <path d="M6 2h4l-.5 5 2.5 2.5H4L6.500 7ZM8 9.500V14" />
        </svg>
      </button>
      <Popover
        label={
          <>
            <span className="sr-only">Settings of {metric}</span>
            <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
              <path d="M3 8h.01M8 8h.01M13 8h.01" className="dots" />
            </svg>
          </>
        }
      >
        {() => (
          <div className="card-menu">
            <div className="choice" role="group" aria-label={`y axis of ${metric}`}>
              {SCALES.map(([name, title]) => (
                <button
                  key={name}
                  type="button"
                  aria-pressed={scale === name}
                  onClick={() => set({ scale: name })}
                >
                  {title}
                </button>
              ))}
            </div>
            <label className="check">
              <input
                type="checkbox"
                checked={settings.clip ?? false}
                onChange={(event) => set({ clip: event.target.checked })}
              />
              Fit the bulk, mark what lies beyond
            </label>
            {ranks && (
              <label className="check">
                <input
                  type="checkbox"
                  checked={settings.ranks ?? false}
                  onChange={(event) => set({ ranks: event.target.checked })}
                />
                Ranks apart: rank by step
              </label>
            )}
            {siblings(metric, names).length > 0 && (
              <div className="checks" role="group" aria-label={`laid over ${metric}`}>
                {siblings(metric, names).map((name) => (
                  <label key={name} className="check">
                    <input
                      type="checkbox"
                      checked={metrics.includes(name)}
                      onChange={() => set({ over: toggled(metrics.slice(1), name) })}
                    />
                    Lay {name} over it, dashed
                  </label>
                ))}
              </div>
            )}
            {Object.keys(settings).length > 0 && (
              <button type="button" onClick={() => actions.set(metric, {})}>
                As the page
              </button>
            )}
            <hr />
            <a className="item" href={csvAddress(metrics, runs)} download>
              Save every point as CSV
            </a>
            <button type="button" className="item" onClick={onPicture}>
              Save as PNG
            </button>
            <button type="button" className="item" onClick={() => actions.hide(metric)}>
              Hide this card
            </button>
          </div>
        )}
      </Popover>
      <button
        type="button"
        className="tool"
        aria-label={large ? "Close" : `Enlarge ${metric}`}
        title={large ? "close (Esc)" : "enlarge (f)"}
        onClick={() => actions.enlarge(large ? null : metric)}
      >
        <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
          <path
            d={
              large
                ? "M4 4l8 8M12 4l-8 8"
                : "M9.500 2.500H13.500V6.500M6.500 13.500H2.500V9.500M13 3 9 7M3 13l4-4"
            }
          />
        </svg>
      </button>
    </span>
  );
});

function toggled(names: string[], name: string): string[] {
  return names.includes(name) ? names.filter((one) => one !== name) : [...names, name];
}

function csvAddress(metrics: string[], runs: string[]): string {
  const query = new URLSearchParams();
  for (const metric of metrics) query.append("metric", metric);
  for (const run of runs) query.append("run", run);
  return `api/v1/series.csv?${query.toString()}`;
}
