// The rows of the runs table that are in view. Of the table only these are drawn again while it is scrolled.
import type { RunsData } from "../api/table";
import type { ColumnDef } from "./columns";
import { idAt, type Line } from "./order";
import { CardRow, GroupRow, RunTr, wholeText, type Shown } from "./RunTr";
import { useNonfinite } from "./useNonfinite";
import { useRowsInView } from "./useRowsInView";

interface Props {
  scroll: React.RefObject<HTMLDivElement | null>;
  project: string;
  data: RunsData;
  lines: Line[];
  columns: ColumnDef[];
  shown: Shown;
  narrow: boolean;
  /** Of a row, pixels. */
  height: number;
  /** Of all columns; none: as wide as the table. */
  width: number | undefined;
  hues: { get: (id: string) => string };
  active: number;
  selected: ReadonlySet<string>;
  onSelect: (ids: ReadonlySet<string>) => void;
  onPick: (index: number, range: boolean) => void;
  onFold: (name: string) => void;
}

export function TableRows(props: Props) {
  const { scroll, project, data, lines, columns, shown, narrow, height, width, hues } = props;
  const { active, selected, onSelect, onPick, onFold } = props;
  const { from, to, moving } = useRowsInView(scroll, lines.length, height);
  const inView = Array.from({ length: to - from }, (_, place) => from + place);
  const nonfinite = useNonfinite(
    project,
    data,
    inView.flatMap((index) => idAt(data, lines, index) ?? []),
  );
  // A row that leaves becomes the one that comes, cell by cell: a fraction of what it costs to take its elements away
  // and to make others. Their order in the document, which a screen reader goes by, is put right once it rests.
  const place = (index: number) => index % (to - from);
  if (moving) inView.sort((a, b) => place(a) - place(b));
  const Row = narrow ? CardRow : RunTr;
  // The whole of a cell's text, once somebody points at it: thousands of cells pass by in a scroll.
  const entitle = ({ target }: React.MouseEvent) => {
    if (!(target instanceof Element)) return;
    const cell = target.closest<HTMLElement>(".td.text, .td.tags");
    const row = cell?.parentElement;
    const line = lines[Number(row?.getAttribute("aria-rowindex")) - 2];
    if (!cell || !row || typeof line !== "number") return;
    const columns = [null, ...shown.start, null, ...shown.center]; // the tick, and what is scrolled past
    const column = columns[[...row.children].indexOf(cell)];
    if (column) cell.title = wholeText(column, data, line);
  };
  return (
    <div
      role="rowgroup"
      className="rows"
      style={{ height: lines.length * height, width }}
      onMouseOver={entitle}
    >
      {inView.map((index) => {
        const line = lines[index]!;
        const top = index * height;
        if (typeof line !== "number") {
          return (
            <GroupRow
              key={`group ${line.name}`}
              group={line}
              active={index === active}
              onFold={() => onFold(line.name)}
              {...{ index, top, data, shown, narrow, selected, onSelect }}
            />
          );
        }
        const id = data.ids[line]!;
        return (
          <Row
            key={place(index)}
            row={line}
            hue={hues.get(id)}
            nonfinite={nonfinite.get(id)}
            picked={selected.has(id)}
            active={index === active}
            {...{ index, top, data, shown, project, columns, onPick }}
          />
        );
      })}
    </div>
  );
}
