import { useEffect, useRef } from "react";
import { FONT, INK } from "../charts/ink";
import { number } from "../format/number";
import { useTheme } from "../theme/theme";
import { labelled, type Rows } from "./codes";
import { columnRows, type Heat } from "./columns";

/** The distribution at one step: one bar a native bucket, in the heatmap's rows. */
export function Bars({ data, rows, column }: { data: Heat; rows: Rows; column: number }) {
  const theme = useTheme();
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const paint = () =>
      draw(
        element,
        columnRows(data, rows, column),
        rows,
        INK[theme],
        theme === "dark" ? "#2fb3b3" : "#1f7f8a",
      );
    const resized = new ResizeObserver(paint);
    resized.observe(element);
    paint();
    return () => resized.disconnect();
  }, [data, rows, column, theme]);
  return <canvas ref={canvas} className="bars" role="img" aria-label="the distribution at this step" />;
}

function draw(
  canvas: HTMLCanvasElement,
  counts: Float64Array,
  rows: Rows,
  ink: { text: string; grid: string },
  fill: string,
): void {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth, clientHeight } = canvas;
  canvas.width = clientWidth * ratio;
  canvas.height = clientHeight * ratio;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  const height = clientHeight - 20;
  let most = 0;
  for (const count of counts) most = Math.max(most, count);
  const width = clientWidth / counts.length;
  context.fillStyle = fill;
  for (let row = 0; row < counts.length; row += 1) {
    const bar = most ? (counts[row]! / most) * (height - 16) : 0;
    if (bar > 0)
      context.fillRect(
        row * width,
        height - Math.max(1, bar),
        Math.max(1, width - (width > 3 ? 1 : 0)),
        Math.max(1, bar),
      );
  }
  context.fillStyle = ink.grid;
  context.fillRect(0, height, clientWidth, 1);
  context.fillStyle = ink.text;
  context.font = FONT;
  context.textAlign = "left";
  context.fillText(`most: ${number(most)}`, 2, 10);
  context.textAlign = "center";
  let right = -Infinity;
  for (const { row, text } of labelled(rows)) {
    const half = context.measureText(text).width / 2;
    const x = Math.min(clientWidth - half, Math.max(half, row * width));
    if (x - half < right + 8) continue;
    context.fillText(text, x, height + 14);
    right = x + half;
  }
}
