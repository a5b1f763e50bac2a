import "uplot/dist/uPlot.min.css";
import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import { FONT, INK } from "../charts/ink";
import { drawName, increments, labels, withRoom } from "../charts/places";
import { fit, sizeNow, watchSize } from "../charts/size";
import { useTheme } from "../theme/theme";
import { labelled, type Rows } from "./codes";
import { columnRows, quantileRow, type Heat } from "./columns";
import type { Painted } from "./paint";

interface Props {
  data: Heat;
  rows: Rows;
  painted: Painted;
  column: number;
  /** Its cursor and those of the line charts go together. */
  synced: boolean;
  onColumn: (column: number) => void;
}

const STRIP = 7; // px at the bottom for steps with non-finite values

export function Heatmap({ data, rows, painted, column, synced, onColumn }: Props) {
  const theme = useTheme();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const lines = useMemo(() => quantileLines(data, rows), [data, rows]);
  const state = useRef({ data, rows, column, painted, lines, onColumn });
  useEffect(() => {
    state.current = { data, rows, column, painted, lines, onColumn };
    plot.current?.redraw(false);
  }, [data, rows, column, painted, lines, onColumn]);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const ink = INK[theme];
    const edges = bounds(data);
    const marked = labelled(rows);
    const line = { stroke: ink.text, font: FONT, ticks: { show: false }, grid: { show: false } };
    const made = new uPlot(
      {
        ...sizeNow(element),
        padding: [8, 12, 0, 0],
        legend: { show: false },
        scales: {
          x: { time: false, range: [edges[0]!, edges.at(-1)!] },
          y: { range: [0, rows.count] },
        },
        axes: [
          {
            ...line,
            size: 26,
            gap: 6,
            space: 70,
            incrs: increments("step")!,
            values: (self, ticks) => withRoom(self, ticks, labels(ticks, "step"), "step"),
          },
          {
            ...line,
            size: 64,
            gap: 6,
            splits: () => marked.map((one) => one.row),
            values: () => marked.map((one) => one.text),
          },
        ],
        series: [{}, { paths: () => null, points: { show: false } }],
        cursor: {
          y: false,
          points: { show: false },
          drag: { x: false, y: false },
          ...(synced ? { sync: { key: "x", scales: ["x", null] } } : {}),
        },
        hooks: {
          draw: [
            (self) => draw(self, state.current, INK[theme].surface, theme === "dark" ? "#ffd479" : "#c2410c"),
            (self) => drawName(self, "step", INK[theme].text, FONT),
          ],
          setCursor: [
            (self) => {
              const left = self.cursor.left ?? -1;
              if (left < 0 || !self.over.matches(":hover")) return;
              state.current.onColumn(columnAt(bounds(state.current.data), self.posToVal(left, "x")));
            },
          ],
        },
      },
      [
        [edges[0]!, edges.at(-1)!],
        [null, null],
      ],
      element,
    );
    plot.current = made;
    const sync = synced ? uPlot.sync("x") : null;
    sync?.sub(made);
    const leave = watchSize(element, (size) => fit(made, size));
    return () => {
      leave();
      sync?.unsub(made);
      made.destroy();
      plot.current = null;
    };
  }, [data, rows, theme, synced]);
  return <div className="plot heat" ref={host} />;
}

type Drawn = Pick<Props, "data" | "rows" | "column" | "painted"> & {
  lines: Float64Array[];
};

function draw(
  self: uPlot,
  { data, rows, column, painted, lines }: Drawn,
  surface: string,
  accent: string,
): void {
  const { ctx, bbox } = self;
  const ratio = uPlot.pxRatio;
  const edges = bounds(data);
  const x = (value: number) => self.valToPos(value, "x", true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.imageSmoothingEnabled = false;
  for (let index = 0; index < data.columns; index += 1) {
    const left = Math.round(x(edges[index]!));
    const right = Math.max(left + 1, Math.round(x(edges[index + 1]!)));
    ctx.drawImage(painted.canvas, index, 0, 1, rows.count, left, bbox.top, right - left, bbox.height);
    if (data.nan[index]! + data.above[index]! + data.below[index]! > 0) {
      ctx.fillStyle = accent;
      ctx.fillRect(left, bbox.top + bbox.height - STRIP * ratio, right - left, STRIP * ratio);
    }
  }
  const middle = (index: number) => x((edges[index]! + edges[index + 1]!) / 2);
  lines.forEach((line, which) => {
    const path = new Path2D();
    line.forEach((row, index) => {
      const y = self.valToPos(row, "y", true);
      if (Number.isNaN(row)) return;
      if (index === 0) path.moveTo(middle(index), y);
      else path.lineTo(middle(index), y);
    });
    ctx.setLineDash(which === 1 ? [] : [4 * ratio, 3 * ratio]);
    ctx.strokeStyle = surface;
    ctx.lineWidth = 2.5 * ratio;
    ctx.globalAlpha = 0.35;
    ctx.stroke(path);
    ctx.globalAlpha = 0.85;
    ctx.strokeStyle = accent;
    ctx.lineWidth = ratio;
    ctx.stroke(path);
    ctx.globalAlpha = 1;
  });
  ctx.setLineDash([]);
  if (column >= 0 && column < data.columns) {
    ctx.strokeStyle = accent;
    ctx.lineWidth = ratio;
    const left = x(edges[column]!);
    ctx.strokeRect(left, bbox.top, Math.max(ratio, x(edges[column + 1]!) - left), bbox.height);
  }
  ctx.restore();
}

/** Each column reaches half way to its neighbours. */
export function bounds(data: Heat): number[] {
  const { step, lastStep, columns } = data;
  if (!columns) return [0, 1];
  if (columns === 1) return [step[0]! - 0.5, lastStep[0]! + 0.5];
  const edges = [step[0]! - (step[1]! - lastStep[0]!) / 2];
  for (let index = 1; index < columns; index += 1) edges.push((lastStep[index - 1]! + step[index]!) / 2);
  edges.push(lastStep[columns - 1]! + (step[columns - 1]! - lastStep[columns - 2]!) / 2);
  return edges;
}

function columnAt(edges: number[], x: number): number {
  let index = 0;
  while (index < edges.length - 2 && edges[index + 1]! <= x) index += 1;
  return index;
}

function quantileLines(data: Heat, rows: Rows): Float64Array[] {
  const lines = [0.05, 0.5, 0.95].map(() => new Float64Array(data.columns));
  for (let column = 0; column < data.columns; column += 1) {
    const counts = columnRows(data, rows, column);
    lines[0]![column] = quantileRow(counts, 0.05);
    lines[1]![column] = quantileRow(counts, 0.5);
    lines[2]![column] = quantileRow(counts, 0.95);
  }
  return lines;
}
