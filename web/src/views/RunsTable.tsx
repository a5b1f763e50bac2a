import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import { go, runPath, setParams } from "../address/location";
import { runTags } from "../api/run";
import type { RunRow } from "../api/types";
import { clock } from "../format/time";
import { StateDot } from "../parts/StateDot";
import type { ColumnDef } from "./columns";

const ROW = 36;

interface Props {
  project: string;
  rows: RunRow[];
  columns: ColumnDef[];
  sort: string;
  selected: Set<string>;
  onSelect: (ids: Set<string>) => void;
}

/** Only the rows in view are in the document; the whole is announced by aria-rowcount. */
export function RunsTable({ project, rows, columns, sort, selected, onSelect }: Props) {
  const scroll = useRef<HTMLDivElement>(null);
  const anchor = useRef<number>(-1);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW,
    overscan: 12,
  });
  const [first, ...others] = columns;
  const grid = `40px minmax(min(${first!.width}px, 50vw), 1fr) ${others.map((column) => `${column.width}px`).join(" ")}`;
  const width = 40 + columns.reduce((sum, column) => sum + column.width, 0);
  const toggle = (index: number, range: boolean) => {
    const next = new Set(selected);
    const ids = range && anchor.current >= 0 ? span(rows, anchor.current, index) : [rows[index]!.id];
    const add = !selected.has(rows[index]!.id);
    for (const id of ids) {
      if (add) next.add(id);
      else next.delete(id);
    }
    anchor.current = index;
    onSelect(next);
  };
  const every = rows.length > 0 && rows.every((run) => selected.has(run.id));
  return (
    <div className="table card" ref={scroll} tabIndex={0} role="region" aria-label="runs, scrollable">
      <div
        role="table"
        aria-rowcount={rows.length + 1}
        aria-label={`runs of ${project}`}
        style={{ minWidth: `min(${width}px, ${width - first!.width}px + 50vw)` }}
      >
        <div role="row" aria-rowindex={1} className="tr head" style={{ gridTemplateColumns: grid }}>
          <span role="columnheader" className="td pick">
            <input
              type="checkbox"
              aria-label="Select all runs shown"
              checked={every}
              onChange={() => onSelect(every ? new Set() : new Set(rows.map((run) => run.id)))}
            />
          </span>
          {columns.map((column) => (
            <HeadCell key={column.id} column={column} sort={sort} />
          ))}
        </div>
        <div role="rowgroup" className="rows" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const run = rows[index]!;
            const picked = selected.has(run.id);
            return (
              <div
                key={run.uuid}
                role="row"
                aria-rowindex={index + 2}
                className={picked ? "tr picked" : "tr"}
                style={{ gridTemplateColumns: grid, transform: `translateY(${start}px)` }}
                onDoubleClick={() => go(runPath(project, run.id))}
              >
                <span role="cell" className="td pick">
                  <input
                    type="checkbox"
                    aria-label={`Select ${run.id}`}
                    checked={picked}
                    onChange={() => undefined}
                    onClick={(event) => toggle(index, event.shiftKey)}
                  />
                </span>
                {columns.map((column) => (
                  <BodyCell key={column.id} column={column} run={run} project={project} />
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function HeadCell({ column, sort }: { column: ColumnDef; sort: string }) {
  const by = sort.replace(/^-/, "") === column.id;
  const descending = sort.startsWith("-");
  const next = by && descending ? column.id : `-${column.id}`;
  return (
    <span
      role="columnheader"
      className={column.numeric ? "td num" : "td"}
      aria-sort={by ? (descending ? "descending" : "ascending") : "none"}
    >
      <button
        type="button"
        className="sort"
        title={`sort by ${column.id}`}
        onClick={() => setParams({ sort: next }, true)}
      >
        <span className="cut">{column.title}</span>
        <span aria-hidden="true" className="arrow">
          {by ? (descending ? "↓" : "↑") : ""}
        </span>
      </button>
    </span>
  );
}

function BodyCell({ column, run, project }: { column: ColumnDef; run: RunRow; project: string }) {
  const text = column.text(run);
  if (column.id === "name") {
    return (
      <span role="cell" className="td">
        <a href={`#${runPath(project, run.id)}`} title={`${text} (${run.id})`} className="cut run-name">
          {text}
        </a>
      </span>
    );
  }
  if (column.id === "state") {
    return (
      <span role="cell" className="td">
        <StateDot state={run.state} word />
      </span>
    );
  }
  if (column.id === "tags") {
    return (
      <span role="cell" className="td tags" title={text}>
        {runTags(run).map((tag) => (
          <i key={tag} className="tag">
            {tag}
          </i>
        ))}
      </span>
    );
  }
  return (
    <span
      role="cell"
      className={column.numeric ? "td num" : "td"}
      title={column.id === "created" ? clock(run.created) : String(column.value(run) ?? "(unset)")}
    >
      <span className="cut">{text}</span>
    </span>
  );
}

function span(rows: RunRow[], from: number, to: number): string[] {
  return rows.slice(Math.min(from, to), Math.max(from, to) + 1).map((run) => run.id);
}
