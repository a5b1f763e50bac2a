import { useId, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { setParams } from "../address/location";
import { Ended } from "../parts/Ended";
import type { ColumnDef } from "./columns";
import type { Layout } from "./useColumns";

interface Props {
  column: ColumnDef;
  sort: string;
  group: string;
  layout: Layout;
}

const STEP = 24;
const DRAGGED = "application/x-stepwell-column";

/** A column's name, by which it is sorted; its menu; its grip. Dragged by the name, or moved with Alt and the arrows. */
export function HeadCell({ column, sort, group, layout }: Props) {
  const by = sort.replace(/^-/, "") === column.id;
  const descending = sort.startsWith("-");
  const next = by && descending ? column.id : `-${column.id}`;
  const left = layout.left.get(column.id);
  const named = column.id === "name";
  const grip = layout.grip(column.id);
  const onKey = (event: React.KeyboardEvent) => {
    const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (!step || !event.altKey) return;
    event.preventDefault();
    if (event.shiftKey) layout.resize(column.id, step * STEP);
    else layout.move(column.id, step);
  };
  return (
    <span
      role="columnheader"
      className={`td${column.numeric ? " num" : ""}${left === undefined ? "" : " stick"}`}
      style={left === undefined ? { width: column.width } : { width: column.width, left }}
      aria-sort={by ? (descending ? "descending" : "ascending") : "none"}
      onDragOver={(event) => event.dataTransfer.types.includes(DRAGGED) && event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        layout.place(event.dataTransfer.getData(DRAGGED), column.id);
      }}
    >
      <button
        type="button"
        className="sort"
        draggable={!named}
        aria-label={column.title}
        title={`${column.kind ? `${column.kind}: ` : ""}${column.title}; sort by it`}
        onClick={() => setParams({ sort: next === "-created" ? null : next })}
        onKeyDown={onKey}
        onDragStart={(event) => event.dataTransfer.setData(DRAGGED, column.id)}
      >
        <Ended text={column.title} from={column.title.lastIndexOf("/", column.title.length - 2) + 1} />
        <span aria-hidden="true" className="arrow">
          {by ? (descending ? "↓" : "↑") : ""}
        </span>
      </button>
      <Menu {...{ column, sort, group, layout }} />
      <span
        className="grip"
        aria-hidden="true"
        onMouseDown={grip}
        onTouchStart={grip}
        onDoubleClick={() => layout.reset(column.id)}
      />
    </span>
  );
}

function Menu({ column, sort, group, layout }: Props) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const named = column.id === "name";
  const [open, setOpen] = useState(false); // what sixty columns could do is not in the document before it is asked for
  const items: [string, () => void][] = [
    ["Sort ascending", () => setParams({ sort: column.id })],
    ["Sort descending", () => setParams({ sort: column.id === "created" ? null : `-${column.id}` })],
  ];
  if (sort !== "-created") items.push(["Newest first", () => setParams({ sort: null })]);
  if (!named) {
    items.push(
      group === column.id
        ? ["Do not group", () => setParams({ group: null, shut: null })]
        : ["Group by it", () => setParams({ group: column.id, shut: null })],
      [layout.pinned(column.id) ? "Unpin" : "Pin to the left", () => layout.pin(column.id)],
      ["Move left", () => layout.move(column.id, -1)],
      ["Move right", () => layout.move(column.id, 1)],
    );
  }
  items.push(
    ["Wider", () => layout.resize(column.id, 2 * STEP)],
    ["Narrower", () => layout.resize(column.id, -2 * STEP)],
  );
  if (!named) items.push(["Hide", () => layout.hide(column.id)]);
  // In the top layer: the table's own box would cut it off.
  const show = (event: React.MouseEvent<HTMLButtonElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const body = list.current;
    if (!body) return;
    flushSync(() => setOpen(true));
    body.style.left = `${Math.min(box.left, window.innerWidth - 190)}px`;
    body.style.top = `${box.bottom + 4}px`;
    body.togglePopover();
    if (body.matches(":popover-open")) body.querySelector("button")?.focus();
  };
  const onKey = (event: React.KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const all = [...(list.current?.querySelectorAll("button") ?? [])];
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    all[(at + step + all.length) % all.length]?.focus();
  };
  return (
    <>
      <button
        type="button"
        className="column-menu"
        aria-label={`Column ${column.title}`}
        aria-haspopup="menu"
        aria-controls={id}
        onClick={show}
      >
        ⋮
      </button>
      <div
        id={id}
        ref={list}
        popover="auto"
        role="menu"
        className="menu"
        aria-label={column.title}
        onKeyDown={onKey}
        onToggle={(event) => event.newState === "closed" && setOpen(false)}
      >
        {open &&
          items.map(([title, act]) => (
            <button
              key={title}
              type="button"
              role="menuitem"
              onClick={() => {
                list.current?.hidePopover();
                act();
              }}
            >
              {title}
            </button>
          ))}
      </div>
    </>
  );
}
