import type { TextPoint } from "../api/types";

/** What stood at the step: the latest text that is not after it, else the first. */
export function textAt(points: TextPoint[], step: number | null): TextPoint | undefined {
  if (step === null) return points.at(-1);
  let found = points[0];
  for (const point of points) if (point.step <= step) found = point;
  return found;
}
