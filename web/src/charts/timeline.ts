// Between a place on the x axis and the moment that it stands for, of one run: by its points, or by the axis itself.
import { byTime, momentOf, processSeconds, type Life, type XAxis } from "./axis";
import { nearest, type Curve } from "./curve";

/** The run whose output and machine are shown beside the charts. */
export interface Own extends Life {
  uuid: string;
}

export interface Found {
  ms: number;
  x: number;
  /** Of the point nearest to it; null where there is none. */
  step: number | null;
}

/** What x means for this run; null: no curve says, and the axis is not one of time. */
export function momentAt(curves: readonly Curve[], axis: XAxis, own: Own, x: number): Found | null {
  const curve = ofRun(curves, own);
  const index = curve ? nearest(curve.x, x) : -1;
  const step = index < 0 ? null : curve!.series.step[index]!;
  if (byTime(axis)) return { ms: fromAxis(axis, own, x), x, step };
  return index < 0 ? null : { ms: curve!.series.time[index]!, x, step };
}

/** Where a moment lies on the axis: on one of time exactly, else at the point logged nearest to it. */
export function placeOf(curves: readonly Curve[], axis: XAxis, own: Own, ms: number): Found | null {
  const curve = ofRun(curves, own);
  const index = curve ? nearestInTime(curve.series.time, ms) : -1;
  const step = index < 0 ? null : curve!.series.step[index]!;
  if (byTime(axis)) return { ms, x: toAxis(axis, own, ms), step };
  return index < 0 ? null : { ms: curve!.series.time[index]!, x: curve!.x[index]!, step };
}

function ofRun(curves: readonly Curve[], own: Own): Curve | undefined {
  return curves.find((curve) => curve.run === own.uuid && curve.x.length > 0);
}

function fromAxis(axis: XAxis, own: Own, x: number): number {
  if (axis === "process") return momentOf(x, own);
  return (axis === "relative" ? own.started : 0) + x * 1000;
}

function toAxis(axis: XAxis, own: Own, ms: number): number {
  if (axis === "process") return processSeconds(ms, own);
  return (ms - (axis === "relative" ? own.started : 0)) / 1000;
}

/** Times need not be in order: a step may have been written again. */
function nearestInTime(times: ArrayLike<number>, ms: number): number {
  let best = -1;
  let least = Infinity;
  for (let index = 0; index < times.length; index += 1) {
    const off = Math.abs(times[index]! - ms);
    if (off < least) {
      least = off;
      best = index;
    }
  }
  return best;
}
