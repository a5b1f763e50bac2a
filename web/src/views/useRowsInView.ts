// Which rows of a table of equal heights are drawn: those in view and some around, more of them ahead of a scroll.
import { useEffect, useState } from "react";
import { flushSync } from "react-dom";

export interface Span {
  from: number;
  /** The first that is not drawn. */
  to: number;
  /** While it is scrolled, and a moment longer. */
  moving: boolean;
}

const AHEAD = 10;
const BEHIND = 4;
const AT_ONCE = 2; // rows by which the ends move
const RESTING_MS = 150;

/**
 * The rows to draw of `count`, always as many of them; top, view and height in pixels, `back`: the last scroll went up.
 */
export function spanOf(
  top: number,
  view: number,
  height: number,
  count: number,
  back: boolean,
): { from: number; to: number } {
  const drawn = Math.ceil(view / height) + 1 + AHEAD + BEHIND + AT_ONCE;
  const first = Math.min(Math.floor(top / height) - (back ? AHEAD : BEHIND), count - drawn);
  const from = Math.max(0, Math.floor(first / AT_ONCE) * AT_ONCE);
  return { from, to: Math.min(count, from + drawn) };
}

/** Of the element that scrolls. Drawn in the frame of the scroll: what comes into view is never blank for one. */
export function useRowsInView(
  scroll: React.RefObject<HTMLElement | null>,
  count: number,
  height: number,
): Span {
  const [span, setSpan] = useState<Span>(() => ({
    ...spanOf(0, window.innerHeight, height, count, false),
    moving: false,
  }));
  // Not a layout effect: those of what is inside come before the element is at hand.
  useEffect(() => {
    const element = scroll.current;
    if (!element) return;
    let top = element.scrollTop;
    let view = element.clientHeight;
    let back = false;
    let resting = 0;
    const look = (moving: boolean) => {
      const next = { ...spanOf(top, view, height, count, back), moving };
      setSpan((old) => (old.from === next.from && old.to === next.to && old.moving === moving ? old : next));
    };
    const scrolled = () => {
      const now = element.scrollTop;
      if (now === top) return; // to the side
      back = now < top;
      top = now;
      flushSync(() => look(true));
      window.clearTimeout(resting);
      resting = window.setTimeout(() => look(false), RESTING_MS);
    };
    const resized = new ResizeObserver(() => {
      view = element.clientHeight;
      top = element.scrollTop;
      look(false);
    });
    look(false);
    resized.observe(element);
    element.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      window.clearTimeout(resting);
      resized.disconnect();
      element.removeEventListener("scroll", scrolled);
    };
  }, [scroll, count, height]);
  const to = Math.min(span.to, count);
  return { ...span, from: Math.min(span.from, to), to };
}
