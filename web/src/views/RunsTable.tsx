import { useVirtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useMemo, useRef, useState } from "react";
import { go, joinList, runPath, setParams, splitList } from "../address/location";
import type { RunsData } from "../api/table";
import type { ColumnDef } from "./columns";
import { idAt, type Line } from "./order";
import { HeadCell } from "./HeadCell";
import { useNarrow } from "./narrow";
import type { Shown } from "./RunTr";
import { TableRows } from "./TableRows";
import { PICK, useColumns } from "./useColumns";
import { useHues } from "./useHues";

const ROW = 36;
const CARD = 84;
/** Head and borders: a table of few runs is no higher than they are, and a scrollbar where one is needed. */
const HEAD = 36;
const AROUND = HEAD + 2;
const SCROLLBAR = 16;

interface Props {
  project: string;
  data: RunsData;
  lines: Line[];
  /** The name first, the others in their order. */
  columns: ColumnDef[];
  sort: string;
  group: string;
  selected: ReadonlySet<string>;
  onSelect: (ids: ReadonlySet<string>) => void;
}

/**
 * Only the rows and columns in view are in the document; the whole is announced by aria-rowcount and aria-colcount.
 * TanStack Table keeps the columns (widths, order, pins), TanStack Virtual says which are in view; rows are numbers.
 */
export function RunsTable({ project, data, lines, columns, sort, group, selected, onSelect }: Props) {
  const scroll = useRef<HTMLDivElement>(null);
  const anchor = useRef<number>(-1);
  const [active, setActive] = useState(-1);
  const narrow = useNarrow();
  const layout = useColumns(columns);
  const { start, center, width, startWidth } = layout;
  const across = useVirtualizer({
    horizontal: true,
    count: center.length,
    getScrollElement: () => scroll.current,
    estimateSize: (index) => center[index]!.width,
    overscan: 2,
    paddingStart: startWidth,
  });
  const sizes = center.map((column) => column.width).join();
  useLayoutEffect(() => across.measure(), [across, sizes, startWidth]);
  const height = narrow ? CARD : ROW;
  useSteady(scroll, lines, data, height);
  useAcross(scroll);
  const hues = useHues(data, lines, selected);
  const items = across.getVirtualItems();
  const wide = !narrow && width + PICK > (across.scrollRect?.width ?? 0);
  const from = items[0]?.index ?? 0;
  const to = (items.at(-1)?.index ?? -1) + 1;
  const shown = useMemo<Shown>(
    () => ({
      start,
      center: center.slice(from, to),
      before: center.slice(0, from).reduce((sum, { width }) => sum + width, 0),
    }),
    [start, center, from, to],
  );

  const toggle = (index: number, range: boolean) => {
    const id = idAt(data, lines, index);
    if (id === null) return;
    const next = new Set(selected);
    const ids = range && anchor.current >= 0 ? between(data, lines, anchor.current, index) : [id];
    const add = !selected.has(id);
    for (const one of ids) {
      if (add) next.add(one);
      else next.delete(one);
    }
    anchor.current = index;
    setActive(index);
    onSelect(next);
  };
  // Rows are drawn again only where they changed: what they call must go by the selection of now, not of then.
  const ticked = useRef(toggle);
  useLayoutEffect(() => {
    ticked.current = toggle;
  });
  const [onPick] = useState(() => (index: number, range: boolean) => ticked.current(index, range));
  const shownIds = () => lines.filter((line) => typeof line === "number").map((row) => data.ids[row]!);
  const every =
    lines.length > 0 && lines.every((line) => typeof line !== "number" || selected.has(data.ids[line]!));
  const move = (index: number) => {
    const to = Math.max(0, Math.min(lines.length - 1, index));
    setActive(to);
    reveal(scroll.current, to * height, height);
  };
  const fold = (name: string) => {
    const shut = new Set(
      splitList(new URLSearchParams(window.location.hash.split("?")[1] ?? "").get("shut") ?? ""),
    );
    if (!shut.delete(name)) shut.add(name);
    setParams({ shut: joinList([...shut]) }, true);
  };
  const onKey = (event: React.KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor((scroll.current?.clientHeight ?? 400) / ROW) - 2);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    const step = steps[event.key];
    if (step !== undefined) {
      if (event.shiftKey && active >= 0) {
        if (anchor.current < 0) anchor.current = active;
        const end = Math.max(0, Math.min(lines.length - 1, active + step));
        onSelect(new Set([...selected, ...between(data, lines, anchor.current, end)]));
      } else anchor.current = -1;
      move(active + step);
    } else if (event.key === "Home") move(0);
    else if (event.key === "End") move(lines.length - 1);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight")
      scroll.current?.scrollBy({ left: event.key === "ArrowLeft" ? -160 : 160 });
    else if (event.key === " " && active >= 0) toggle(active, false);
    else if (event.key === "Enter" && active >= 0) {
      const line = lines[active];
      if (typeof line === "number") go(runPath(project, data.ids[line]!));
      else if (line) fold(line.name);
    } else return;
    event.preventDefault();
  };
  return (
    <div
      className={narrow ? "table card cards" : "table card"}
      ref={scroll}
      style={{ maxHeight: lines.length * height + AROUND + (wide ? SCROLLBAR : 0) }}
      tabIndex={0}
      role="grid"
      aria-label={`runs of ${project}`}
      aria-rowcount={lines.length + 1}
      aria-colcount={columns.length + 1}
      aria-multiselectable="true"
      aria-activedescendant={active >= 0 && active < lines.length ? `line-${active}` : undefined}
      onKeyDown={onKey}
    >
      <div
        role="row"
        aria-rowindex={1}
        className="tr head"
        style={{ width: narrow ? undefined : width + PICK }}
      >
        <span role="columnheader" className="td pick" style={{ width: PICK }}>
          <input
            type="checkbox"
            aria-label="Select all runs shown"
            checked={every}
            onChange={() => onSelect(every ? new Set() : new Set(shownIds()))}
          />
        </span>
        {narrow ? (
          <span role="columnheader" className="td dim">
            Run
          </span>
        ) : (
          <>
            {shown.start.map((column) => (
              <HeadCell key={column.id} {...{ column, sort, group, layout }} />
            ))}
            <span className="gap" role="presentation" style={{ width: shown.before }} />
            {shown.center.map((column) => (
              <HeadCell key={column.id} {...{ column, sort, group, layout }} />
            ))}
          </>
        )}
      </div>
      <TableRows
        width={narrow ? undefined : width + PICK}
        onFold={fold}
        {...{
          scroll,
          project,
          data,
          lines,
          columns,
          shown,
          narrow,
          height,
          hues,
          active,
          selected,
          onSelect,
          onPick,
        }}
      />
    </div>
  );
}

/** What somebody reads stays where it is when runs come in above it. */
function useSteady(
  scroll: React.RefObject<HTMLDivElement | null>,
  lines: Line[],
  data: RunsData,
  height: number,
): void {
  const held = useRef<{ id: string | null; index: number; ids: string[] }>({ id: null, index: 0, ids: [] });
  useLayoutEffect(() => {
    const element = scroll.current;
    if (!element) return;
    const before = held.current;
    if (before.id !== null && before.ids !== data.ids && element.scrollTop > 0) {
      const row = data.row.get(before.id);
      const index = row === undefined ? -1 : lines.indexOf(row);
      if (index >= 0 && index !== before.index) element.scrollTop += (index - before.index) * height;
    }
    const keep = () => {
      const index = Math.floor(element.scrollTop / height);
      held.current = { id: idAt(data, lines, index), index, ids: data.ids };
    };
    keep();
    element.addEventListener("scroll", keep, { passive: true });
    return () => element.removeEventListener("scroll", keep);
  }, [scroll, lines, data, height]);
}

/** Scrolls no further than it takes to have the row at `top` in view, under the head. */
function reveal(element: HTMLElement | null, top: number, height: number): void {
  if (!element) return;
  const least = top + height + HEAD - element.clientHeight;
  if (element.scrollTop > top) element.scrollTop = top;
  else if (element.scrollTop < least) element.scrollTop = least;
}

/**
 * Columns stick to the left only while the table is scrolled to the side: each cell that sticks is a layer of its own to
 * the browser, and a screen of them costs more than half of a frame of a scroll.
 */
function useAcross(scroll: React.RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => {
    const element = scroll.current;
    if (!element) return;
    const look = () => element.toggleAttribute("data-across", element.scrollLeft > 0);
    look();
    element.addEventListener("scroll", look, { passive: true });
    return () => element.removeEventListener("scroll", look);
  }, [scroll]);
}

function between(data: RunsData, lines: Line[], from: number, to: number): string[] {
  return lines
    .slice(Math.min(from, to), Math.max(from, to) + 1)
    .filter((line) => typeof line === "number")
    .map((row) => data.ids[row]!);
}
