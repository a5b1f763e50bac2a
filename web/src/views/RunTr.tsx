// The rows of the runs table: as lines, as cards on a narrow screen, and the heads of groups.
import { memo } from "react";
import { go, runPath } from "../address/location";
import type { Nonfinite } from "../api/nonfinite";
import { nameAt, type RunsData } from "../api/table";
import { number, plural } from "../format/number";
import { age, clock } from "../format/time";
import { Ended } from "../parts/Ended";
import { StateDot } from "../parts/StateDot";
import type { ColumnDef } from "./columns";
import { NonfiniteMark } from "./NonfiniteMark";
import { spread, type Group } from "./order";
import { PICK } from "./useColumns";

/** The columns in view: those that stay at the left, then those that the table is scrolled to. */
export interface Shown {
  start: ColumnDef[];
  center: ColumnDef[];
  /** Pixels of columns that are scrolled past. */
  before: number;
}

interface Props {
  project: string;
  data: RunsData;
  row: number;
  index: number;
  top: number;
  hue: string;
  /** What is not finite in it; null: nothing, or it is not known yet. */
  nonfinite: Nonfinite | null;
  picked: boolean;
  active: boolean;
  shown: Shown;
  columns: ColumnDef[];
  onPick: (index: number, range: boolean) => void;
}

export const RunTr = memo(
  function RunTr({ project, data, row, index, top, hue, nonfinite, picked, active, shown, onPick }: Props) {
    const id = data.ids[row]!;
    let left = PICK;
    return (
      <div
        role="row"
        id={`line-${index}`}
        aria-rowindex={index + 2}
        aria-selected={picked}
        className={`tr${picked ? " picked" : ""}${active ? " active" : ""}`}
        style={{ transform: `translateY(${top}px)` }}
        onDoubleClick={() => go(runPath(project, id))}
      >
        <Pick {...{ id, index, hue, picked, onPick }} />
        {shown.start.map((column) => {
          const at = left;
          left += column.width;
          const mark = column.id === "name" ? nonfinite : null;
          return <BodyCell key={column.id} {...{ column, data, row, project, mark }} left={at} />;
        })}
        <span className="gap" role="presentation" style={{ width: shown.before }} />
        {shown.center.map((column) => (
          <BodyCell key={column.id} {...{ column, data, row, project }} />
        ))}
      </div>
    );
  },
  (a, b) =>
    a.data === b.data &&
    a.row === b.row &&
    a.index === b.index &&
    a.top === b.top &&
    a.hue === b.hue &&
    a.nonfinite === b.nonfinite &&
    a.picked === b.picked &&
    a.active === b.active &&
    a.shown === b.shown,
);

/** One column: what a run is called, how it stands, and the first values that the table would show. */
export function CardRow(props: Props) {
  const { project, data, row, index, top, hue, nonfinite, picked, active, columns, onPick } = props;
  const id = data.ids[row]!;
  const name = nameAt(data, row);
  const values = columns
    .filter((column) => column.kind !== "")
    .map((column) => [column, column.value(data, row)] as const)
    .filter(([, value]) => value !== null)
    .slice(0, 3);
  return (
    <div
      role="row"
      id={`line-${index}`}
      aria-rowindex={index + 2}
      aria-selected={picked}
      className={`tr run-card${picked ? " picked" : ""}${active ? " active" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
    >
      <Pick {...{ id, index, hue, picked, onPick }} />
      <span role="gridcell" className="card-body">
        <a href={`#${runPath(project, id)}`} className="cut run-name" title={name}>
          <Ended text={name} />
        </a>
        <span className="card-facts">
          <StateDot state={data.state[row]!} word />
          <span>{age(data.created[row]!, data.now)}</span>
          {nonfinite && <NonfiniteMark counts={nonfinite} {...{ project, id }} />}
          {data.tags[row]!.slice(0, 2).map((tag) => (
            <i key={tag} className="tag">
              {tag}
            </i>
          ))}
        </span>
        <span className="card-facts cut">
          {values.map(([column, value]) => (
            <span key={column.id}>
              <span className="dim">{column.title.slice(column.title.lastIndexOf("/") + 1)}</span>{" "}
              {column.text(value, data.now)}
            </span>
          ))}
        </span>
      </span>
    </div>
  );
}

function Pick({
  id,
  index,
  hue,
  picked,
  onPick,
}: Pick<Props, "index" | "hue" | "picked" | "onPick"> & { id: string }) {
  return (
    <span role="gridcell" className="td pick">
      <input
        type="checkbox"
        tabIndex={-1}
        aria-label={`Select ${id}`}
        checked={picked}
        onChange={() => undefined}
        onClick={(event) => onPick(index, event.shiftKey)}
      />
      <i className="swatch" style={{ background: hue }} />
    </span>
  );
}

interface GroupProps {
  group: Group;
  index: number;
  top: number;
  active: boolean;
  data: RunsData;
  shown: Shown;
  narrow: boolean;
  selected: ReadonlySet<string>;
  onSelect: (ids: ReadonlySet<string>) => void;
  onFold: () => void;
}

/** What the runs of a group have in common, how many they are, and the mean of each number. */
export function GroupRow({
  group,
  index,
  top,
  active,
  data,
  shown,
  narrow,
  selected,
  onSelect,
  onFold,
}: GroupProps) {
  const ids = group.rows.map((row) => data.ids[row]!);
  const every = ids.every((id) => selected.has(id));
  let left = PICK;
  const pick = () => {
    const next = new Set(selected);
    for (const id of ids) {
      if (every) next.delete(id);
      else next.add(id);
    }
    onSelect(next);
  };
  return (
    <div
      role="row"
      id={`line-${index}`}
      aria-rowindex={index + 2}
      className={`tr group${active ? " active" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span role="gridcell" className="td pick">
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label={`Select the runs with ${group.name}`}
          checked={every}
          onChange={pick}
        />
      </span>
      {(narrow ? shown.start.slice(0, 1) : shown.start).map((column, place) => {
        const at = left;
        left += column.width;
        if (place > 0) return <GroupCell key={column.id} {...{ column, data, group }} left={at} />;
        return (
          <span
            key={column.id}
            role="rowheader"
            className="td stick"
            style={narrow ? undefined : { width: column.width, left: at }}
          >
            <button
              type="button"
              className="group-fold"
              tabIndex={-1}
              aria-expanded={group.open}
              onClick={onFold}
            >
              <svg
                viewBox="0 0 6 10"
                width="6"
                height="10"
                aria-hidden="true"
                className={group.open ? "turn open" : "turn"}
              >
                <path d="M1 1l4 4-4 4" />
              </svg>
              <span className="cut">{group.name}</span>
              <span className="badge">{plural(group.rows.length, "run")}</span>
            </button>
          </span>
        );
      })}
      {!narrow && (
        <>
          <span className="gap" role="presentation" style={{ width: shown.before }} />
          {shown.center.map((column) => (
            <GroupCell key={column.id} {...{ column, data, group }} />
          ))}
        </>
      )}
    </div>
  );
}

function GroupCell({
  column,
  data,
  group,
  left,
}: {
  column: ColumnDef;
  data: RunsData;
  group: Group;
  left?: number;
}) {
  const figures = column.numeric && column.kind !== "" ? spread(data, group.rows, column) : null;
  return (
    <span
      role="gridcell"
      className={left === undefined ? "td num dim" : "td num dim stick"}
      style={left === undefined ? { width: column.width } : { width: column.width, left }}
      title={
        figures
          ? `mean of ${figures.n}: ${number(figures.mean)}, from ${number(figures.min)} to ${number(figures.max)}`
          : undefined
      }
    >
      {figures && <span className="cut">x̄ {number(figures.mean, 3)}</span>}
    </span>
  );
}

interface CellProps {
  column: ColumnDef;
  data: RunsData;
  row: number;
  project: string;
  /** Where it sticks; none scrolls. */
  left?: number;
  mark?: Nonfinite | null;
}

const BodyCell = memo(function BodyCell({ column, data, row, project, left, mark }: CellProps) {
  const value = column.value(data, row);
  const text = column.text(value, data.now);
  const style = left === undefined ? { width: column.width } : { width: column.width, left };
  const stick = left === undefined ? "" : " stick";
  if (column.id === "name") {
    const id = data.ids[row]!;
    return (
      <span role="rowheader" className={`td${stick}`} style={style}>
        <a
          href={`#${runPath(project, id)}`}
          tabIndex={-1}
          title={text === id ? text : `${text} (${id})`}
          className="cut run-name"
        >
          <Ended text={text} />
        </a>
        {mark && <NonfiniteMark key={id} counts={mark} {...{ project, id }} />}
      </span>
    );
  }
  if (column.id === "state") {
    return (
      <span role="gridcell" className={`td${stick}`} style={style}>
        <StateDot state={data.state[row]!} word />
      </span>
    );
  }
  if (column.id === "tags") {
    return (
      <span role="gridcell" className={`td tags${stick}`} style={style}>
        {data.tags[row]!.map((tag) => (
          <i key={tag} className="tag">
            {tag}
          </i>
        ))}
      </span>
    );
  }
  // One element a cell: thousands of them pass by in a scroll.
  const unset = value === null;
  return (
    <span
      role="gridcell"
      className={`td text${column.numeric ? " num" : ""}${unset ? " unset" : ""}${stick}`}
      style={style}
    >
      {unset ? "–" : text}
    </span>
  );
});

/** What a cell says where there is room for all of it. */
export function wholeText(column: ColumnDef, data: RunsData, row: number): string {
  const value = column.value(data, row);
  if (column.id === "created") return clock(Number(value));
  return value === null ? "(unset)" : String(value);
}
