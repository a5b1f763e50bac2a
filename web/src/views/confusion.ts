export interface Confusion {
  labels: string[];
  matrix: number[][];
}

/** A square matrix of counts, bare or as {"matrix": ..., "labels": ...}; null for any other text. */
export function confusion(text: string): Confusion | null {
  if (!/^\s*[[{]/.test(text)) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null; // a text that begins like one
  }
  const named =
    !Array.isArray(value) && typeof value === "object" && value !== null
      ? (value as Record<string, unknown>)
      : null;
  const matrix = named ? named["matrix"] : value;
  if (!Array.isArray(matrix) || matrix.length < 2) return null;
  const size = matrix.length;
  const square = matrix.every(
    (row) =>
      Array.isArray(row) &&
      row.length === size &&
      row.every((count) => typeof count === "number" && count >= 0),
  );
  if (!square) return null;
  const given = named?.["labels"];
  const labels =
    Array.isArray(given) && given.length === size
      ? given.map(String)
      : matrix.map((_, index) => String(index));
  return { labels, matrix: matrix as number[][] };
}
