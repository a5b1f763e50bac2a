import { useMemo } from "react";
import type { RunsData } from "../api/table";
import { colour } from "../theme/palette";
import { useTheme } from "../theme/theme";
import { hues, type Line } from "./order";

/** The colour of each run in view, as the charts have it when those that are ticked are compared. */
export function useHues(
  data: RunsData,
  lines: readonly Line[],
  selected: ReadonlySet<string>,
): { get: (id: string) => string } {
  const theme = useTheme();
  const { content } = data;
  const places = useMemo(() => hues(data, lines, selected), [content, lines, selected]); // eslint-disable-line react-hooks/exhaustive-deps
  return useMemo(() => ({ get: (id: string) => colour(theme, places.get(id)) }), [theme, places]);
}
