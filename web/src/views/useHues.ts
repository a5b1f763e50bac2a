import { useMemo } from "react";
import type { RunsData } from "../api/table";
import { assign, colour, NAMES, ownPlace } from "../theme/palette";
import { useTheme } from "../theme/theme";

/**
 * The colour of each run: of those that are ticked, the one they will have when they are compared; where there are no more
 * runs than hues, each has its own.
 */
export function useHues(data: RunsData, selected: ReadonlySet<string>): { get: (id: string) => string } {
  const theme = useTheme();
  const places = useMemo(() => {
    const chosen = new Map<string, string>();
    data.cells.get("colour")?.forEach((name, row) => {
      if (typeof name === "string") chosen.set(data.ids[row]!, name);
    });
    const few = selected.size === 0 && data.ids.length <= NAMES.length;
    const there = (few ? [...data.ids] : [...selected]).filter((id) => data.row.has(id));
    // As the page of a run has them: in the order of their start.
    there.sort((a, b) => data.created[data.row.get(a)!]! - data.created[data.row.get(b)!]!);
    return { chosen, together: assign(there, chosen) };
  }, [data, selected]);
  return useMemo(
    () => ({
      get: (id: string) => colour(theme, places.together.get(id) ?? ownPlace(id, places.chosen.get(id))),
    }),
    [theme, places],
  );
}
