import type { Artifact } from "../api/types";

export interface Picture {
  key: string;
  /** Empty while it is on its host still. */
  address: string;
  width: number;
  height: number;
  caption: string;
  rank: number;
}

/** The images of some artifacts, as they stood in their lists; what is said of them is trusted in nothing. */
export function pictures(artifacts: Artifact[]): Picture[] {
  return artifacts.flatMap((one) => {
    const said = described(one.metadata);
    return [...one.files]
      .sort((a, b) => parseInt(a.path, 10) - parseInt(b.path, 10))
      .map((file, index) => ({
        key: `${one.rank}:${one.step}:${file.path}`,
        address:
          one.state === "complete" && file.digest
            ? `api/v1/blobs/${encodeURIComponent(file.digest)}/image`
            : "",
        width: size(said[index]?.width),
        height: size(said[index]?.height),
        caption: typeof said[index]?.caption === "string" ? said[index].caption : "",
        rank: one.rank,
      }));
  });
}

function described(metadata: string): Record<string, unknown>[] {
  try {
    const images = (JSON.parse(metadata) as { images?: unknown }).images;
    return Array.isArray(images) ? (images as Record<string, unknown>[]) : [];
  } catch {
    return [];
  }
}

function size(value: unknown): number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : 1;
}
