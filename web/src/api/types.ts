export type State = "running" | "finished" | "failed" | "crashed" | "unknown";

export interface Project {
  project: string;
  runs: number;
  running: number;
  created: number;
}

/** One run as the lists have it; fields are JSON texts by key. Times are milliseconds. */
export interface RunRow {
  uuid: string;
  id: string;
  created: number;
  state: State;
  started?: number;
  ended?: number | null;
  ranks?: number;
  attempts?: number;
  fields: Record<string, string>;
}

/** Runs that were searched for: how many there are, and the newest of them. */
export interface Found {
  found: number;
  runs: RunRow[];
}

export type Kind = "scalar" | "text" | "histogram";

export interface Named {
  name: string;
  kind: Kind;
  /** The last one; in an opening of histograms only. */
  step: number;
}

/** What a run's page begins with: the runs in view, the names of the first one's metrics. */
export interface Opening {
  runs: RunRow[];
  metrics: Named[];
  /** How many runs the project has. */
  total: number;
}

export interface Metric extends Named {
  points: number;
  bad: number;
  ranks: number;
  last: number | string | null;
}

export interface TextPoint {
  step: number;
  rank: number;
  ms: number;
  value: string;
}

export interface BlobFile {
  path: string;
  size: number;
  digest: string;
  /** Of a reference: its bytes are there and not in the blob store. */
  uri: string;
}

export interface Artifact {
  name: string;
  kind: string;
  type: string;
  /** staged | partial | complete | deleted */
  state: string;
  version: number | null;
  aliases: string[];
  parts: number;
  parts_in: number;
  step: number;
  rank: number;
  time: string;
  size: number;
  files: BlobFile[];
  /** JSON text. */
  metadata: string;
}

/** [rank, stream (1 out, 2 err), time in ms, text] */
export type Chunk = [number, number, number, string];

export interface ConsolePage {
  chunks: Chunk[];
  skipped: number;
  cursor: Record<string, number>;
}
