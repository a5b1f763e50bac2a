import "../styles/compare.css";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { isWriting } from "../address/undo";
import { go, runPath, setParams, useParam } from "../address/location";
import { postJson } from "../api/client";
import { runName } from "../api/run";
import type { RunRow } from "../api/types";
import type { ShownRun } from "../charts/LineChart";
import { matcher } from "../format/names";
import { number } from "../format/number";
import { Failed, Loading, Note } from "../parts/Note";
import { factRows, metricRows, type Compared, type CompareRow, type Figure } from "./compared";
import { Sparkline } from "./Sparkline";

const LINE = 44; // a value, and its difference under it
const TITLE = 36;
const KEY = 270;
const VALUE = 236;
const COMPARED_MAX = 100;
const FIGURES: [Figure, string][] = [
  ["last", "Last"],
  ["min", "Min"],
  ["max", "Max"],
  ["at", "At step"],
];

interface Props {
  project: string;
  rows: RunRow[];
  runs: ShownRun[];
}

/** Runs beside a base: what was set differently, and what each metric came to, as a difference from the base. */
export function CompareView({ project, rows: given, runs: givenRuns }: Props) {
  const rows = given.slice(0, COMPARED_MAX);
  const runs = givenRuns.slice(0, COMPARED_MAX);
  const [figure] = useParam("fig", "last") as [Figure, unknown];
  const [atText, setAt] = useParam("at", "");
  const [all] = useParam("all", "");
  const [search, setSearch] = useParam("q", "");
  const at = /^-?\d+$/.test(atText) ? Number(atText) : null;
  const uuids = rows.map((row) => row.uuid);
  const asked = useQuery({
    queryKey: ["compare", uuids, figure === "at" ? at : null],
    queryFn: ({ signal }) =>
      postJson<{ metrics: Compared[] }>("compare", { runs: uuids, at: figure === "at" ? at : null }, signal),
    placeholderData: keepPreviousData,
    refetchInterval: rows.some((row) => row.state === "running") ? 5_000 : false,
  });
  const query = useDeferredValue(search);
  const metrics = asked.data?.metrics;
  const { lines, differing, keys } = useMemo(() => {
    const matches = matcher(query);
    const facts = factRows(rows);
    const shown = facts.filter(
      (row) => (all === "1" || row.differs) && matches(`${row.name} ${row.cells.join(" ")}`),
    );
    const values = metricRows(metrics ?? [], uuids, figure).filter((row) => matches(row.name));
    return {
      lines: [
        ...(shown.length ? [{ title: "Settings" }, ...shown] : []),
        ...(values.length ? [{ title: "Metrics" }, ...values] : []),
      ],
      differing: facts.filter((row) => row.differs).length,
      keys: facts.length,
    };
  }, [rows, metrics, query, all, figure, uuids.join()]); // eslint-disable-line react-hooks/exhaustive-deps
  if (asked.error && !asked.data) return <Failed error={asked.error} retry={() => void asked.refetch()} />;
  if (!metrics) return <Loading what="Comparing the runs" />;
  if (rows.length < 2) {
    return (
      <Note title="Two runs make a comparison.">
        Tick some in <a href={`#/${encodeURIComponent(project)}`}>the runs of {project}</a>, or lay one over
        with “Compare with…” beside the charts.
      </Note>
    );
  }
  return (
    <div className="compare">
      <div className="toolbar">
        <input
          type="search"
          className="search"
          placeholder="Search keys, values, metrics"
          aria-label="Search the comparison"
          value={search}
          onChange={(event) => setSearch(event.target.value, true)}
        />
        <label className="check">
          <input
            type="checkbox"
            checked={all !== "1"}
            onChange={(event) => setParams({ all: event.target.checked ? null : "1" })}
          />
          only what differs ({differing} of {keys})
        </label>
        <div className="choice" role="group" aria-label="figure of each metric">
          {FIGURES.map(([name, title]) => (
            <button
              key={name}
              type="button"
              aria-pressed={figure === name}
              onClick={() => setParams({ fig: name === "last" ? null : name })}
            >
              {title}
            </button>
          ))}
        </div>
        {figure === "at" && (
          <input
            type="text"
            inputMode="numeric"
            className="at-step"
            aria-label="Step"
            placeholder="step"
            value={atText}
            onChange={(event) => setAt(event.target.value.replace(/[^\d-]/g, ""), true)}
          />
        )}
      </div>
      {given.length > COMPARED_MAX && (
        <p className="dim">
          The first {COMPARED_MAX} of {given.length} runs are compared.
        </p>
      )}
      {lines.length ? (
        <Grid {...{ project, rows, runs, lines }} />
      ) : (
        <Note title={search ? "Nothing matches." : "Nothing differs."}>
          <button type="button" onClick={() => setParams({ q: null, all: "1" })}>
            Show every key
          </button>
        </Note>
      )}
    </div>
  );
}

type Line = CompareRow | { title: string };

function Grid({ project, rows, runs, lines }: Props & { lines: Line[] }) {
  const scroll = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(-1);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroll.current,
    estimateSize: (index) => ("title" in lines[index]! ? TITLE : LINE),
    overscan: 8,
  });
  const different = (line: Line | undefined) => line !== undefined && "differs" in line && line.differs;
  const jump = (by: 1 | -1) => {
    let to = at + by;
    while (to >= 0 && to < lines.length && !different(lines[to])) to += by;
    if (to < 0 || to >= lines.length) return;
    setAt(to);
    virtual.scrollToIndex(to, { align: "center" });
  };
  const keys = useRef(jump);
  useEffect(() => {
    keys.current = jump;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isWriting(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "n") keys.current(1);
      if (event.key === "p") keys.current(-1);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  const width = KEY + rows.length * VALUE;
  const rebase = (row: RunRow) => {
    const others = rows.filter((one) => one.id !== row.id).map((one) => one.id);
    const query = new URLSearchParams(window.location.hash.split("?")[1] ?? "");
    query.set("with", others.join(","));
    go(runPath(project, row.id), query);
  };
  return (
    <>
      <div className="compare-jump">
        <button type="button" onClick={() => jump(-1)} title="p">
          ↑ previous difference
        </button>
        <button type="button" onClick={() => jump(1)} title="n">
          ↓ next difference
        </button>
      </div>
      <div
        className="compare-grid card"
        ref={scroll}
        tabIndex={0}
        role="table"
        aria-label="comparison"
        aria-rowcount={lines.length + 1}
      >
        <div role="row" aria-rowindex={1} className="cr head" style={{ width }}>
          <span role="columnheader" className="ck">
            difference from the base
          </span>
          {rows.map((row, index) => (
            <span role="columnheader" className="cv" key={row.uuid}>
              <i className="swatch" style={{ background: runs[index]!.colour }} />
              <a className="cut" href={`#${runPath(project, row.id)}`} title={runName(row)}>
                {runs[index]!.name}
              </a>
              {index === 0 ? (
                <b className="badge">base</b>
              ) : (
                <button type="button" className="quiet" onClick={() => rebase(row)}>
                  make base
                </button>
              )}
            </span>
          ))}
        </div>
        <div role="rowgroup" className="rows" style={{ height: virtual.getTotalSize(), width }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const line = lines[index]!;
            const style = { transform: `translateY(${start}px)` };
            if ("title" in line) {
              return (
                <div
                  role="row"
                  key={line.title}
                  aria-rowindex={index + 2}
                  className="cr section"
                  style={style}
                >
                  <span role="rowheader" className="ck">
                    {line.title}
                  </span>
                </div>
              );
            }
            const state = `${line.differs ? " differs" : ""}${index === at ? " active" : ""}`;
            return (
              <div role="row" key={line.id} aria-rowindex={index + 2} className={`cr${state}`} style={style}>
                <span role="rowheader" className="ck" title={line.name}>
                  <span className="cut">{line.name}</span>
                </span>
                {line.cells.map((cell, place) => (
                  <span role="cell" className="cv" key={rows[place]!.uuid} title={cell || "(unset)"}>
                    {line.metric !== null && (
                      <Sparkline run={rows[place]!.uuid} metric={line.metric} colour={runs[place]!.colour} />
                    )}
                    <span className="said-value">
                      {cell === "" ? (
                        <span className="dim">(unset)</span>
                      ) : (
                        <span className="cut">{cell}</span>
                      )}
                      {place > 0 && <Delta line={line} place={place} />}
                    </span>
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </>
  );
}

function Delta({ line, place }: { line: CompareRow; place: number }) {
  const base = line.numbers?.[0];
  const value = line.numbers?.[place];
  if (typeof base !== "number" || typeof value !== "number") return null;
  const delta = value - base;
  if (!Number.isFinite(delta)) return null;
  if (delta === 0) return <span className="delta dim">=</span>;
  const share = base === 0 ? null : (100 * delta) / Math.abs(base);
  const sign = delta > 0 ? "+" : "";
  return (
    <span className="delta">
      {sign}
      {number(delta, 3)}
      {share !== null && ` (${sign}${number(share, 3)} %)`}
    </span>
  );
}
