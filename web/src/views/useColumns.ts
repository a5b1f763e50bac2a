// The widths, order and pins of the runs table's columns: TanStack Table keeps them, the address has them.
import {
  columnOrderingFeature,
  columnPinningFeature,
  columnResizingFeature,
  columnSizingFeature,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { useLayoutEffect, useMemo, useState } from "react";
import { joinList, setParams, splitList, useParam } from "../address/location";
import type { ColumnDef } from "./columns";

export const PICK = 62;
const WIDTH_MIN = 56;
const WIDTH_MAX = 900;

const features = tableFeatures({
  columnOrderingFeature,
  columnPinningFeature,
  columnSizingFeature,
  columnResizingFeature,
});
const NO_ROWS: object[] = [];

export interface Layout {
  start: ColumnDef[];
  center: ColumnDef[];
  /** Where a pinned column sticks, from the left. */
  left: Map<string, number>;
  width: number;
  startWidth: number;
  grip: (id: string) => ((event: unknown) => void) | undefined;
  resize: (id: string, by: number) => void;
  reset: (id: string) => void;
  pinned: (id: string) => boolean;
  pin: (id: string) => void;
  /** Puts a column before another one, or after it where it comes from the left. */
  place: (id: string, other: string) => void;
  move: (id: string, by: number) => void;
  hide: (id: string) => void;
}

/** Widths and pins as the address has them, changed by hand; the order is that of the address's columns. */
export function useColumns(columns: ColumnDef[]): Layout {
  const [widths] = useParam("w", "");
  const [pins] = useParam("pin", "");
  const sizing = useMemo(() => parseWidths(widths), [widths]);
  const pinned = useMemo(() => splitList(pins), [pins]);
  const defs = useMemo(
    () => columns.map(({ id, width }) => ({ id, size: width, minSize: WIDTH_MIN, maxSize: WIDTH_MAX })),
    [columns],
  );
  // While a grip is dragged the widths are the table's own; the address gets them when it is let go.
  const [dragged, setDragged] = useState<Record<string, number> | null>(null);
  const table = useTable({
    features,
    columns: defs,
    data: NO_ROWS,
    columnResizeMode: "onChange",
    state: {
      columnSizing: dragged ?? sizing,
      columnOrder: columns.map(({ id }) => id),
      columnPinning: {
        start: ["name", ...pinned.filter((id) => columns.some((one) => one.id === id))],
        end: [],
      },
    },
    onColumnSizingChange: (update) => {
      const next = typeof update === "function" ? update(dragged ?? sizing) : update;
      setDragged(next);
    },
  });
  const resizing = table.state.columnResizing.isResizingColumn;
  useLayoutEffect(() => {
    if (resizing === false && dragged !== null) {
      setParams({ w: formatWidths(dragged) }, true);
      setDragged(null);
    }
  }, [resizing, dragged]);
  const byId = new Map(columns.map((column) => [column.id, column]));
  const sized = (id: string, width: number): ColumnDef => ({ ...byId.get(id)!, width });
  const key = JSON.stringify([
    table.getStartLeafColumns().map((one) => [one.id, one.getSize()]),
    table.getCenterLeafColumns().map((one) => [one.id, one.getSize()]),
  ]);
  const [start, center] = useMemo(
    () =>
      (JSON.parse(key) as [string, number][][]).map((side) => side.map(([id, width]) => sized(id, width))),
    [key, columns], // eslint-disable-line react-hooks/exhaustive-deps
  ) as [ColumnDef[], ColumnDef[]];
  const left = useMemo(() => {
    const places = new Map<string, number>();
    let at = PICK;
    for (const column of start) {
      places.set(column.id, at);
      at += column.width;
    }
    return places;
  }, [start]);
  const total = (side: ColumnDef[]) => side.reduce((sum, column) => sum + column.width, 0);
  const order = columns.slice(1).map(({ id }) => id);
  const write = (next: string[]) => setParams({ cols: joinList(next) || "none" });
  const resized = (id: string, width: number | null) => {
    const next = { ...sizing };
    if (width === null) Reflect.deleteProperty(next, id);
    else next[id] = Math.max(WIDTH_MIN, Math.min(WIDTH_MAX, Math.round(width)));
    setParams({ w: formatWidths(next) }, true);
  };
  return {
    start,
    center,
    left,
    width: total(start) + total(center),
    startWidth: PICK + total(start),
    grip: (id) =>
      table
        .getFlatHeaders()
        .find((header) => header.column.id === id)
        ?.getResizeHandler(),
    resize: (id, by) => resized(id, (table.getColumn(id)?.getSize() ?? 0) + by),
    reset: (id) => resized(id, null),
    pinned: (id) => left.has(id),
    pin: (id) =>
      setParams({
        pin: joinList(pinned.includes(id) ? pinned.filter((one) => one !== id) : [...pinned, id]),
      }),
    place: (id, other) => {
      const [from, to] = [order.indexOf(id), order.indexOf(other)];
      if (from < 0 || to < 0 || from === to) return;
      const next = order.filter((one) => one !== id);
      next.splice(to, 0, id);
      write(next);
    },
    move: (id, by) => {
      const from = order.indexOf(id);
      const to = from + by;
      if (from < 0 || to < 0 || to >= order.length) return;
      const next = order.filter((one) => one !== id);
      next.splice(to, 0, id);
      write(next);
    },
    hide: (id) => write(order.filter((one) => one !== id)),
  };
}

/** "name:420,config/lr:90". */
export function parseWidths(text: string): Record<string, number> {
  const widths: Record<string, number> = {};
  for (const item of splitList(text)) {
    const cut = item.lastIndexOf(":");
    const width = Number(item.slice(cut + 1));
    if (cut > 0 && width >= WIDTH_MIN && width <= WIDTH_MAX) widths[item.slice(0, cut)] = width;
  }
  return widths;
}

export function formatWidths(widths: Record<string, number>): string {
  return joinList(Object.entries(widths).map(([id, width]) => `${id}:${Math.round(width)}`));
}
