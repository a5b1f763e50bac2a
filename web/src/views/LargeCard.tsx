import { useEffect, useRef } from "react";
import { PLAIN, type Cards } from "../charts/cards";
import { LineChart, type CardActions, type Shared } from "../charts/LineChart";

interface Props {
  metric: string;
  /** In the order of the page: the arrows go through them. */
  names: string[];
  shared: Shared;
  cards: Cards;
  actions: CardActions;
}

/** One chart over the whole window, with its legend as a table; arrows go to the next, Escape goes back. */
export function LargeCard({ metric, names, shared, cards, actions }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (!element || element.open) return;
    element.showModal();
    element.focus();
  }, []);
  const at = names.indexOf(metric);
  const step = (by: number) => {
    const next = names[at + by];
    if (next !== undefined) actions.enlarge(next);
  };
  return (
    <dialog
      ref={dialog}
      className="large-card"
      tabIndex={-1}
      aria-label={`${metric}, enlarged`}
      onCancel={(event) => {
        event.preventDefault();
        actions.enlarge(null);
      }}
      onKeyDown={(event) => {
        if (event.target instanceof HTMLInputElement) return;
        if (event.key === "ArrowRight") step(1);
        if (event.key === "ArrowLeft") step(-1);
      }}
    >
      <LineChart
        key={metric}
        metric={metric}
        settings={cards.settings[metric] ?? PLAIN}
        pinned={cards.pinned.includes(metric)}
        large
        actions={actions}
        {...shared}
      />
      <div className="large-foot">
        {names.length > 1 && (
          <button type="button" disabled={at <= 0} onClick={() => step(-1)}>
            ← {names[at - 1] ?? "first"}
          </button>
        )}
        <span className="dim">
          {at + 1} of {names.length} · drag to zoom, double click to reset
        </span>
        {names.length > 1 && (
          <button type="button" disabled={at < 0 || at >= names.length - 1} onClick={() => step(1)}>
            {names[at + 1] ?? "last"} →
          </button>
        )}
      </div>
    </dialog>
  );
}
