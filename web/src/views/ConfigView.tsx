import "../styles/details.css";
import { useState } from "react";
import { fromJson } from "../api/run";
import type { RunRow } from "../api/types";
import type { ShownRun } from "../charts/LineChart";
import { matcher } from "../format/names";
import { number } from "../format/number";
import { Note } from "../parts/Note";
import { keyTree, type Leaf, type Row } from "./tree";

/** Config as it is nested; of several runs side by side, those keys that differ first in sight. */
export function ConfigView({ rows, runs }: { rows: RunRow[]; runs: ShownRun[] }) {
  const [search, setSearch] = useState("");
  const [differing, setDiffering] = useState(false);
  const [shut, setShut] = useState<Set<string>>(new Set());
  const leaves = configLeaves(rows);
  if (!leaves.length) {
    return (
      <Note title="No config was recorded.">
        <code>
          stepwell.init(config={"{"}"lr": 0.01{"}"})
        </code>{" "}
        keeps it, nested as it is.
      </Note>
    );
  }
  const matches = matcher(search);
  const found = leaves.filter((leaf) => {
    const told = `${leaf.path.join("/")} ${leaf.values.join(" ")}`;
    return matches(told) && (!differing || leaf.differs);
  });
  const tree = keyTree(found, search ? new Set() : shut);
  const toggle = (path: string) => {
    const next = new Set(shut);
    if (!next.delete(path)) next.add(path);
    setShut(next);
  };
  return (
    <div className={rows.length > 1 ? "" : "narrow"}>
      <div className="toolbar">
        <input
          type="search"
          className="search"
          placeholder="Search keys and values"
          aria-label="Search the config"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        {rows.length > 1 && (
          <label className="check">
            <input
              type="checkbox"
              checked={differing}
              onChange={(event) => setDiffering(event.target.checked)}
            />
            only what differs ({leaves.filter((leaf) => leaf.differs).length} of {leaves.length})
          </label>
        )}
      </div>
      <div className="scroll-x card">
        <table className="plain tree">
          {rows.length > 1 && (
            <thead>
              <tr>
                <th scope="col">key</th>
                {runs.map((run) => (
                  <th scope="col" key={run.uuid}>
                    <i className="swatch" style={{ background: run.colour }} /> {run.name}
                  </th>
                ))}
              </tr>
            </thead>
          )}
          <tbody>
            {tree.map((row) => (
              <ConfigRow key={row.id} row={row} columns={rows.length} onToggle={toggle} />
            ))}
          </tbody>
        </table>
        {!found.length && <p className="dim pad">nothing matches</p>}
      </div>
    </div>
  );
}

function ConfigRow({
  row,
  columns,
  onToggle,
}: {
  row: Row;
  columns: number;
  onToggle: (path: string) => void;
}) {
  const indent = { paddingLeft: 14 + row.depth * 18 };
  if (!row.leaf) {
    return (
      <tr className="branch">
        <th scope="row" colSpan={columns + 1} style={indent}>
          <button
            type="button"
            className="group-head"
            aria-expanded={row.open}
            onClick={() => onToggle(row.id)}
          >
            <svg
              viewBox="0 0 6 10"
              width="6"
              height="10"
              aria-hidden="true"
              className={row.open ? "turn open" : "turn"}
            >
              <path d="M1 1l4 4-4 4" />
            </svg>
            {row.name} <span className="badge">{row.size}</span>
          </button>
        </th>
      </tr>
    );
  }
  return (
    <tr className={row.leaf.differs ? "differs" : undefined}>
      <th scope="row" style={indent}>
        {row.name}
      </th>
      {row.leaf.values.map((value, index) => (
        <td key={index} className="mono">
          {value === "" ? <span className="dim">(unset)</span> : value}
        </td>
      ))}
    </tr>
  );
}

function configLeaves(rows: RunRow[]): Leaf[] {
  const keys = new Set(
    rows.flatMap((row) => Object.keys(row.fields).filter((key) => key.startsWith("config/"))),
  );
  return [...keys].sort().map((key) => {
    const values = rows.map((row) => row.fields[key]);
    const path = key
      .slice(7)
      .split("/")
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    return { path, values: values.map(said), differs: new Set(values).size > 1 };
  });
}

function said(text: string | undefined): string {
  if (text === undefined) return "";
  const value = fromJson(text);
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : number(value, 9);
  return typeof value === "string" ? value : JSON.stringify(value);
}
