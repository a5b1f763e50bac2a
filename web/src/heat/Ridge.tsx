import { useEffect, useMemo, useRef } from "react";
import { FONT, INK } from "../charts/ink";
import { number } from "../format/number";
import { useTheme, type Theme } from "../theme/theme";
import { labelled, type Rows } from "./codes";
import type { Heat } from "./columns";
import { ridgeColumns, ridges } from "./ridge";

interface Props {
  data: Heat;
  rows: Rows;
  byCount: boolean;
  column: number;
  onColumn: (column: number) => void;
}

const LEFT = 52;
const BOTTOM = 22;
const TALL = 3.2; // how many rows high the greatest ridge is

/** The latest in front; the one of the step slider stands out. */
export function Ridge({ data, rows, byCount, column, onColumn }: Props) {
  const theme = useTheme();
  const canvas = useRef<HTMLCanvasElement>(null);
  const columns = useMemo(() => ridgeColumns(data.columns), [data.columns]);
  const lines = useMemo(() => ridges(data, rows, columns, byCount), [data, rows, columns, byCount]);
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const paint = () => draw(element, { data, rows, columns, lines, column, theme });
    const resized = new ResizeObserver(paint);
    resized.observe(element);
    paint();
    return () => resized.disconnect();
  }, [data, rows, columns, lines, column, theme]);
  return (
    <canvas
      ref={canvas}
      className="plot ridge"
      role="img"
      aria-label={`${columns.length} distributions, one behind the other`}
      onClick={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        const room = box.height - BOTTOM;
        const gap = room / (columns.length - 1 + TALL);
        const place = Math.round((event.clientY - box.top - gap * TALL) / gap);
        const found = columns[Math.min(columns.length - 1, Math.max(0, place))];
        if (found !== undefined) onColumn(found);
      }}
    />
  );
}

interface Drawn {
  data: Heat;
  rows: Rows;
  columns: number[];
  lines: Float64Array[];
  column: number;
  theme: Theme;
}

function draw(canvas: HTMLCanvasElement, { data, rows, columns, lines, column, theme }: Drawn): void {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth, clientHeight } = canvas;
  canvas.width = clientWidth * ratio;
  canvas.height = clientHeight * ratio;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  const ink = INK[theme];
  const width = clientWidth - LEFT - 12;
  const gap = (clientHeight - BOTTOM) / (columns.length - 1 + TALL);
  context.font = FONT;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const front = nearestOf(columns, column);
  const every = Math.ceil((columns.length * 14) / Math.max(14, clientHeight - BOTTOM));
  lines.forEach((line, index) => {
    const base = gap * (TALL + index);
    const chosen = index === front;
    const path = new Path2D();
    path.moveTo(LEFT, base);
    line.forEach((value, row) => {
      path.lineTo(LEFT + ((row + 0.5) / rows.count) * width, base - value * gap * TALL);
    });
    path.lineTo(LEFT + width, base);
    context.globalAlpha = chosen ? 1 : 0.86;
    context.fillStyle = ink.surface;
    context.fill(path);
    context.globalAlpha = chosen ? 0.55 : 0.12 + 0.3 * (index / Math.max(1, lines.length - 1));
    context.fillStyle = theme === "dark" ? "#2fb3b3" : "#1f7f8a";
    context.fill(path);
    context.globalAlpha = chosen ? 1 : 0.6;
    context.strokeStyle = theme === "dark" ? "#7fdcdc" : "#155e68";
    context.lineWidth = 1 / ratio + (chosen ? 1 : 0);
    context.stroke(path);
    context.globalAlpha = 1;
    if (chosen || (lines.length - 1 - index) % every === 0) {
      context.fillStyle = ink.text;
      context.fillText(number(data.step[columns[index]!], 4), LEFT - 6, base - 4);
    }
  });
  context.fillStyle = ink.text;
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  let right = -Infinity;
  for (const { row, text } of labelled(rows)) {
    const half = context.measureText(text).width / 2;
    const x = LEFT + (row / rows.count) * width;
    if (x - half < right + 8) continue;
    context.fillText(text, x, clientHeight - 6);
    right = x + half;
  }
}

function nearestOf(columns: number[], column: number): number {
  let best = 0;
  columns.forEach((one, index) => {
    if (Math.abs(one - column) < Math.abs(columns[best]! - column)) best = index;
  });
  return best;
}
