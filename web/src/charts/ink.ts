// What charts are drawn with beside the runs' own colours.
import type { Theme } from "../theme/theme";

export const INK: Record<Theme, { text: string; grid: string; surface: string }> = {
  light: { text: "#5d6673", grid: "#eceae6", surface: "#ffffff" },
  dark: { text: "#98a2b0", grid: "#262c34", surface: "#171b21" },
};

export const FONT = '11px Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
