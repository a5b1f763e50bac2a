import "../styles/heat.css";
import "uplot/dist/uPlot.min.css";
import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import { FONT, INK } from "../charts/ink";
import { drawName, increments, labels, withRoom } from "../charts/places";
import { fit, sizeNow, watchSize } from "../charts/size";
import { number } from "../format/number";
import { useTheme, type Theme } from "../theme/theme";
import { ramp } from "./paint";
import { spread, type RankMatrix } from "./ranks";

/** A row a rank, a column a bucket of steps; what the cursor is at is said below. */
export function RankMap({ data }: { data: RankMatrix }) {
  const theme = useTheme();
  const host = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<{ column: number; row: number } | null>(null);
  const painted = useMemo(() => paintRanks(data, theme), [data, theme]);
  const state = useRef({ data, painted });
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    state.current = { data, painted };
    const edges = edgesOf(data);
    plot.current?.setScale("x", { min: edges[0]!, max: edges.at(-1)! });
    plot.current?.setScale("y", { min: 0, max: Math.max(1, data.ranks.length) });
    plot.current?.redraw(false);
  }, [data, painted]);
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const ink = INK[theme];
    const edges = edgesOf(state.current.data);
    const line = { stroke: ink.text, font: FONT, ticks: { show: false }, grid: { show: false } };
    const made = new uPlot(
      {
        ...sizeNow(element),
        padding: [8, 12, 0, 0],
        legend: { show: false },
        scales: {
          x: { time: false, auto: false },
          y: { auto: false },
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
            size: 56,
            gap: 6,
            splits: () => rankTicks(state.current.data.ranks.length),
            values: (_, ticks) =>
              ticks.map((tick) => {
                const { ranks } = state.current.data;
                return `rank ${ranks[ranks.length - 1 - Math.floor(tick)] ?? ""}`;
              }),
          },
        ],
        series: [{}, { paths: () => null, points: { show: false } }],
        cursor: {
          y: false,
          points: { show: false },
          drag: { x: false, y: false },
          sync: { key: "x", scales: ["x", null] },
        },
        hooks: {
          draw: [
            (self) => draw(self, state.current),
            (self) => drawName(self, "step", INK[theme].text, FONT),
          ],
          setCursor: [
            (self) => {
              const { left = -1, top = -1 } = self.cursor;
              if (left < 0 || !self.over.matches(":hover")) return setAt(null);
              const found = state.current.data;
              const row = found.ranks.length - 1 - Math.floor(self.posToVal(top, "y"));
              setAt({ column: columnAt(edgesOf(found), self.posToVal(left, "x")), row });
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
    made.setScale("x", { min: edges[0]!, max: edges.at(-1)! });
    made.setScale("y", { min: 0, max: Math.max(1, state.current.data.ranks.length) });
    plot.current = made;
    const sync = uPlot.sync("x");
    sync.sub(made);
    const leave = watchSize(element, (size) => fit(made, size));
    return () => {
      leave();
      sync.unsub(made);
      made.destroy();
      plot.current = null;
    };
  }, [theme]);
  const value = at ? data.values[at.column * data.ranks.length + at.row] : undefined;
  return (
    <>
      <div className="plot heat" ref={host} role="img" aria-label={`${data.ranks.length} ranks by step`} />
      <p className="colour-bar">
        <span>{number(painted.low, 3)}</span>
        <i aria-hidden="true" />
        <span>{number(painted.high, 3)}</span>
        <span className="grow" />
        {at && value !== undefined && (
          <span>{`rank ${data.ranks[at.row]} · step ${number(data.step[at.column])} · ${number(value)}`}</span>
        )}
      </p>
    </>
  );
}

interface Painted {
  canvas: HTMLCanvasElement;
  low: number;
  high: number;
}

function paintRanks(data: RankMatrix, theme: Theme): Painted {
  const rows = data.ranks.length;
  const columns = data.step.length;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, columns);
  canvas.height = Math.max(1, rows);
  const { low, high } = spread(data.values);
  const context = canvas.getContext("2d");
  if (context && rows && columns) {
    const image = context.createImageData(columns, rows);
    const pixels = new Uint32Array(image.data.buffer);
    const colours = ramp(theme);
    for (let column = 0; column < columns; column += 1) {
      for (let row = 0; row < rows; row += 1) {
        const value = data.values[column * rows + row]!;
        if (Number.isNaN(value)) continue;
        const level = Math.min(1, Math.max(0, (value - low) / (high - low)));
        pixels[row * columns + column] = colours[20 + Math.round(level * 235)]!;
      }
    }
    context.putImageData(image, 0, 0);
  }
  return { canvas, low, high };
}

function draw(self: uPlot, { data, painted }: { data: RankMatrix; painted: Painted }): void {
  const { ctx, bbox } = self;
  const edges = edgesOf(data);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.imageSmoothingEnabled = false;
  for (let column = 0; column < data.step.length; column += 1) {
    const left = Math.round(self.valToPos(edges[column]!, "x", true));
    const right = Math.max(left + 1, Math.round(self.valToPos(edges[column + 1]!, "x", true)));
    ctx.drawImage(painted.canvas, column, 0, 1, data.ranks.length, left, bbox.top, right - left, bbox.height);
  }
  ctx.restore();
}

/** A bucket reaches to the next; the last is as wide as its steps. */
function edgesOf(data: RankMatrix): number[] {
  if (!data.step.length) return [0, 1];
  return [...data.step, data.step[data.step.length - 1]! + 2 ** data.shift];
}

function columnAt(edges: number[], x: number): number {
  let index = 0;
  while (index < edges.length - 2 && edges[index + 1]! <= x) index += 1;
  return index;
}

/** The middles of at most eight rows. */
function rankTicks(rows: number): number[] {
  const every = Math.max(1, Math.ceil(rows / 8));
  const ticks: number[] = [];
  for (let row = 0; row < rows; row += every) ticks.push(rows - row - 0.5);
  return ticks.reverse();
}
