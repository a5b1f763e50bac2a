import "../styles/table.css";
import { Suspense, useDeferredValue, useEffect, useMemo, useState } from "react";
import { go, joinList, runPath, setParams, splitList, useParam } from "../address/location";
import { useRetention } from "../api/retention";
import { plural } from "../format/number";
import { Fallible } from "../parts/Fallible";
import { Failed, Loading, Note } from "../parts/Note";
import { Start } from "../parts/Start";
import { NAMES } from "../theme/palette";
import { ColumnPicker } from "./ColumnPicker";
import { columnOf, fetched, FIXED, suggested, withKind, type ColumnNames } from "./columns";
import { FilterBox, isRefusal } from "./FilterBox";
import { found as foundIn, grouped, sorted, type Line } from "./order";
import { RunsTable, TrashView } from "./routes";
import { TrashLine } from "./TrashLine";
import { useColumnNames, useTable } from "./useTable";

const NEWEST = 10_000;
const EVERY = 100_000;
/** Beyond this a selection is kept by this page alone: an address has to stay one that people can send. */
const SELECTED_IN_ADDRESS = 60;
const COMPARED_MAX = 500;

const HUES = NAMES.length;

const NO_NAMES: ColumnNames = { fields: [], metrics: [] };

/** The table of a project's runs, or its trash. */
export function Runs({ project }: { project: string }) {
  const [trash] = useParam("trash", "");
  if (!trash) return <Table project={project} />;
  return (
    <Fallible at="trash">
      <Suspense fallback={<Loading what="Loading the trash" />}>
        <TrashView project={project} />
      </Suspense>
    </Fallible>
  );
}

function Table({ project }: { project: string }) {
  const [search, setSearch] = useParam("q", "");
  const [filter] = useParam("filter", "");
  const [sort] = useParam("sort", "-created");
  const [chosen] = useParam("cols", "");
  const [group] = useParam("group", "");
  const [shutText] = useParam("shut", "");
  const [all, setAll] = useState(false);
  const names = useColumnNames(project);
  const shown = useMemo(() => {
    if (chosen === "none") return [];
    return chosen ? splitList(chosen) : [...FIXED, ...suggested(names.data ?? NO_NAMES)];
  }, [chosen, names.data]);
  const asked = useMemo(
    () => [...new Set(fetched([...shown, group, sort.replace(/^-/, "")]))].sort(),
    [shown, group, sort],
  );
  const table = useTable(project, filter, all ? EVERY : NEWEST, asked);
  const { data } = table;
  const [selected, select] = useSelection();
  const { trash } = useRetention(project);
  const [kept, setKept] = useState(""); // why nothing went to the trash
  const content = data?.content; // not made again because the clock has moved on
  const columns = useMemo(
    () => ["name", ...shown].map((id) => (data ? withKind(columnOf(id), data) : columnOf(id))),
    [shown, content], // eslint-disable-line react-hooks/exhaustive-deps
  );
  const query = useDeferredValue(search);
  const rows = useMemo(() => {
    if (!data) return [];
    return sorted(data, foundIn(data, query), columnOf(sort.replace(/^-/, "")), sort.startsWith("-"));
  }, [content, query, sort]); // eslint-disable-line react-hooks/exhaustive-deps
  const lines = useMemo<Line[]>(() => {
    // While its column is on the way there is nothing to group by.
    if (!data || !group || (fetched([group]).length > 0 && !data.cells.has(group))) return rows;
    return grouped(data, rows, columnOf(group), new Set(splitList(shutText)));
  }, [content, rows, group, shutText]); // eslint-disable-line react-hooks/exhaustive-deps

  const refused = isRefusal(table.error);
  if (!data && !refused) {
    return table.error ? (
      <Failed error={table.error} retry={() => void table.refetch()} />
    ) : (
      <Loading what={`Loading the runs of ${project}`} />
    );
  }
  const { total, found } = data ?? { total: 0, found: 0 };
  if (!total && !filter && !refused) {
    return (
      <Note title={`There are no runs in ${project}.`}>
        <p>
          Record one, and it appears here by itself; or <a href="#/">see all projects</a>.
        </p>
        <Start project={project} />
        <p>
          <TrashLine project={project} />
        </p>
      </Note>
    );
  }
  const compare = (view: string | null) => {
    // In the table's order, so that the base is the first that a person sees; runs that a filter hides come after.
    const inOrder = data ? rows.map((row) => data.ids[row]!).filter((id) => selected.has(id)) : [];
    const [first, ...others] = [...new Set([...inOrder, ...selected])].slice(0, COMPARED_MAX);
    if (!first) return;
    const query = new URLSearchParams();
    if (view) query.set("tab", view);
    if (others.length) query.set("with", others.join(","));
    // Past so many only some are in colour: those that are here.
    if (others.length >= HUES) query.set("sel", [...new Set([first, ...selected])].slice(0, HUES).join(","));
    go(runPath(project, first), query);
  };
  const discard = async () => {
    setKept("");
    try {
      await trash([...selected]);
      select(new Set());
    } catch (problem) {
      setKept(problem instanceof Error ? problem.message : String(problem));
    }
  };
  return (
    <div className="page runs">
      <div className="toolbar">
        <input
          type="search"
          className="search"
          placeholder="Search names, tags, users"
          aria-label="Search runs"
          value={search}
          onChange={(event) => setSearch(event.target.value, true)}
        />
        <FilterBox
          key={filter}
          value={filter}
          error={table.error}
          names={names.data ?? NO_NAMES}
          onChange={(text) => setParams({ filter: text })}
        />
        <ColumnPicker
          names={names.data ?? NO_NAMES}
          chosen={shown}
          group={group}
          onChange={(next) => setParams({ cols: next === null ? null : joinList(next) || "none" })}
          onGroup={(id) => setParams({ group: id, shut: null })}
        />
      </div>
      <div className="status-line">
        <span role="status">
          {rows.length === total
            ? runs(total)
            : `${rows.length.toLocaleString("en")} of ${runs(total)} shown`}
          {data && found > data.ids.length && (
            <>
              {" "}
              (the newest {data.ids.length.toLocaleString("en")} are here){" "}
              <button type="button" className="inline" onClick={() => setAll(true)}>
                load all {found.toLocaleString("en")}
              </button>
            </>
          )}
        </span>
        {(search || filter) && (
          <button type="button" className="inline" onClick={() => setParams({ q: null, filter: null })}>
            show all
          </button>
        )}
        {group && (
          <span className="chip">
            grouped by <b>{columnOf(group).title}</b>
            <button
              type="button"
              className="quiet"
              aria-label="Do not group"
              onClick={() => setParams({ group: null, shut: null })}
            >
              ×
            </button>
          </span>
        )}
        <TrashLine project={project} />
        {kept && selected.size > 0 && (
          <span className="warn" role="alert">
            {kept}
          </span>
        )}
        {selected.size > 0 && (
          <span className="selection">
            {selected.size.toLocaleString("en")} selected
            <button type="button" className="primary" onClick={() => compare(null)}>
              {selected.size === 1
                ? "Open"
                : `Compare ${Math.min(selected.size, COMPARED_MAX).toLocaleString("en")} runs`}
            </button>
            {selected.size > 1 && (
              <button type="button" onClick={() => compare("diff")}>
                Differences
              </button>
            )}
            <button type="button" onClick={() => void discard()}>
              Trash {plural(selected.size, "run")}
            </button>
            <button type="button" className="inline" onClick={() => select(new Set())}>
              clear
            </button>
          </span>
        )}
      </div>
      {data && rows.length ? (
        <Suspense fallback={<Loading what="Loading the table" />}>
          <RunsTable {...{ project, data, lines, columns, sort, group, selected }} onSelect={select} />
        </Suspense>
      ) : (
        <Note title={refused ? "The filter cannot be read." : "No run matches."}>
          {filter && (
            <p>
              The filter is <code>{filter}</code>
            </p>
          )}
          <button type="button" onClick={() => setParams({ q: null, filter: null })}>
            Show all runs
          </button>
        </Note>
      )}
    </div>
  );
}

function runs(count: number): string {
  return `${count.toLocaleString("en")} ${count === 1 ? "run" : "runs"}`;
}

/** The ids that are ticked; in the address while they are few. */
function useSelection(): [ReadonlySet<string>, (ids: ReadonlySet<string>) => void] {
  const [text, setText] = useParam("sel", "");
  const [many, setMany] = useState<ReadonlySet<string> | null>(null);
  const few = useMemo(() => new Set(splitList(text)), [text]);
  useEffect(() => {
    if (text) setMany(null);
  }, [text]);
  const select = (ids: ReadonlySet<string>) => {
    setMany(ids.size > SELECTED_IN_ADDRESS ? ids : null);
    setText(ids.size > SELECTED_IN_ADDRESS ? "" : joinList([...ids]), true);
  };
  return [many ?? few, select];
}
