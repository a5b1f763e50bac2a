// A chart as a picture of what is in view.
import type { Curve } from "./curve";

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

function fileName(title: string): string {
  return title.replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 80) || "chart";
}
