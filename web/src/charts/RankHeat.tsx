import { useQuery } from "@tanstack/react-query";
import { getBytes } from "../api/client";
import { RankMap } from "../heat/RankMap";
import { rankMatrix } from "../heat/ranks";
import type { XAxis } from "./axis";
import type { Range } from "./curve";

interface Props {
  run: string;
  metric: string;
  axis: XAxis;
  zoom: Range | null;
  /** Grows with every new point. */
  version: number;
}

/** The ranks of one run apart, over the steps in view. */
export function RankHeat({ run, metric, axis, zoom, version }: Props) {
  const part = axis === "step" ? zoom : null;
  const asked = useQuery({
    queryKey: ["ranks", run, metric, part?.min, part?.max, version],
    queryFn: async ({ signal }) => {
      const query = new URLSearchParams({ run, metric });
      if (part) {
        query.set("low", String(Math.floor(part.min)));
        query.set("high", String(Math.ceil(part.max)));
      }
      return rankMatrix(await getBytes(`ranks?${query.toString()}`, signal));
    },
    placeholderData: (before) => before,
  });
  if (asked.error && !asked.data) return <div className="plot-note">{asked.error.message}</div>;
  return asked.data ? (
    <RankMap data={asked.data} />
  ) : (
    <div className="plot-note shimmer" role="status" aria-label="loading" />
  );
}
