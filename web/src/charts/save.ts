// A chart as a picture or as a table, saved from what is in view.
import type { Curve } from "./curve";

export function saveCsv(title: string, curves: Curve[]): void {
  const bucketed = curves.some((curve) => curve.series.shift >= 0);
  const head = bucketed
    ? ["run", "step", "time_ms", "line", "min", "max", "points", "nan", "plus_inf", "minus_inf"]
    : ["run", "step", "time_ms", "value"];
  const rows = [head.join(",")];
  for (const { run, name, series } of curves) {
    for (let index = 0; index < series.step.length; index += 1) {
      const cells: (string | number)[] = [
        quoted(name || run),
        series.step[index]!,
        series.time[index]!,
        series.line[index]!,
      ];
      if (bucketed) {
        for (const column of [series.low, series.high]) cells.push(column?.[index] ?? series.line[index]!);
        cells.push(series.counts?.[index] ?? 1);
        for (const column of [series.nan, series.above, series.below]) cells.push(column?.[index] ?? 0);
      }
      rows.push(cells.join(","));
    }
  }
  save(new Blob([rows.join("\n") + "\n"], { type: "text/csv" }), `${fileName(title)}.csv`);
}

export function savePng(
  title: string,
  canvas: HTMLCanvasElement,
  curves: Curve[],
  ink: { text: string; surface: string },
): void {
  const ratio = window.devicePixelRatio || 1;
  const head = (28 + 16 * Math.min(curves.length, 12)) * ratio;
  const picture = document.createElement("canvas");
  picture.width = canvas.width;
  picture.height = canvas.height + head;
  const context = picture.getContext("2d");
  if (!context) return;
  context.fillStyle = ink.surface;
  context.fillRect(0, 0, picture.width, picture.height);
  context.fillStyle = ink.text;
  context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
  context.fillText(title, 12 * ratio, 20 * ratio);
  context.font = `${11 * ratio}px system-ui, sans-serif`;
  curves.slice(0, 12).forEach((curve, index) => {
    const y = (36 + 16 * index) * ratio;
    context.fillStyle = curve.colour;
    context.fillRect(12 * ratio, y - 7 * ratio, 10 * ratio, 3 * ratio);
    context.fillStyle = ink.text;
    context.fillText(curve.name, 28 * ratio, y - 2 * ratio);
  });
  context.drawImage(canvas, 0, head);
  picture.toBlob((blob) => blob && save(blob, `${fileName(title)}.png`));
}

function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Text as one CSV cell that no spreadsheet takes for a formula. */
function quoted(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

function fileName(title: string): string {
  return title.replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 80) || "chart";
}
