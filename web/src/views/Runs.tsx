import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useMemo, useState } from "react";
import { go, runPath, setParams, useParam } from "../address/location";
import { postJson } from "../api/client";
import { runName } from "../api/run";
import { matcher } from "../format/names";
import { plural } from "../format/number";
import { Failed, Loading, Note } from "../parts/Note";
import { ColumnPicker } from "./ColumnPicker";
import { columnOf, DEFAULT, fieldColumns, sorted, suggested, type Last } from "./columns";
import { FilterBox, isRefusal } from "./FilterBox";
import { RunsTable } from "./RunsTable";
import { useTable } from "./useTable";

export function Runs({ project }: { project: string }) {
  const [search, setSearch] = useParam("q", "");
  const [filter] = useParam("filter", "");
  const [sort] = useParam("sort", "-created");
  const [chosen] = useParam("cols", "");
  const [picked, setPicked] = useParam("sel", "");
  const [all, setAll] = useState(false);
  const table = useTable(project, filter, all ? 100_000 : 10_000);
  const runs = useMemo(() => table.data?.runs ?? [], [table.data]);
  const metrics = useMemo(() => table.data?.metrics ?? [], [table.data]);
  const extra = useMemo(
    () => (chosen === "none" ? [] : chosen ? chosen.split(",") : suggested(runs, metrics)),
    [chosen, runs, metrics],
  );
  const shownMetrics = extra.filter((id) => id.startsWith("metric/")).map((id) => id.slice(7));
  const last = useQuery({
    queryKey: ["last", project, shownMetrics, table.dataUpdatedAt],
    queryFn: ({ signal }) =>
      postJson<{ last: Last }>("table/last", { project, metrics: shownMetrics }, signal),
    enabled: shownMetrics.length > 0 && runs.length > 0,
    placeholderData: (old) => old,
  });
  const values = last.data?.last;
  const now = table.dataUpdatedAt;
  const columns = useMemo(
    () => ["name", ...DEFAULT, ...extra].map((id) => columnOf(id, now, values ?? {})),
    [extra, now, values],
  );
  const query = useDeferredValue(search);
  const rows = useMemo(() => {
    const matches = matcher(query);
    const found = query
      ? runs.filter((run) =>
          matches([runName(run), run.id, run.state, run.fields["tags"], run.fields["env/user"]].join(" ")),
        )
      : runs;
    const id = sort.replace(/^-/, "");
    return sorted(found, columnOf(id, now, values ?? {}), sort.startsWith("-"));
  }, [runs, query, sort, now, values]);
  const selected = useMemo(() => new Set(picked ? picked.split(",") : []), [picked]);
  const select = (next: Set<string>) => setPicked([...next].join(","), true);

  const refused = isRefusal(table.error);
  if (!table.data && !refused) {
    return table.error ? (
      <Failed error={table.error} retry={() => void table.refetch()} />
    ) : (
      <Loading what={`Loading the runs of ${project}`} />
    );
  }
  const { total, found } = table.data ?? { total: 0, found: 0 };
  if (!total && !filter) {
    return (
      <Note title={`There are no runs in ${project}.`}>
        Record one with <code>stepwell.init(project={JSON.stringify(project)})</code>, or{" "}
        <a href="#/">see all projects</a>.
      </Note>
    );
  }
  const compare = () => {
    const ids = rows.filter((run) => selected.has(run.id)).map((run) => run.id);
    const [first, ...others] = ids.length === selected.size ? ids : [...selected];
    if (!first) return;
    const query = new URLSearchParams();
    if (others.length) query.set("with", others.join(","));
    go(runPath(project, first), query);
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
          onChange={(text) => setParams({ filter: text })}
        />
        <ColumnPicker
          fields={fieldColumns(runs)}
          metrics={metrics}
          chosen={extra}
          onChange={(next) => setParams({ cols: next === null ? null : next.join(",") || "none" }, true)}
        />
      </div>
      <div className="status-line">
        <span>
          {rows.length === total
            ? plural(total, "run")
            : `${rows.length.toLocaleString("en")} of ${plural(total, "run")} shown`}
          {found > runs.length && (
            <>
              {" "}
              (the newest {runs.length.toLocaleString("en")} are here){" "}
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
        {selected.size > 0 && (
          <span className="selection">
            {selected.size} selected
            <button type="button" className="primary" onClick={compare}>
              {selected.size === 1 ? "Open" : `Compare ${selected.size} runs`}
            </button>
            <button type="button" className="inline" onClick={() => select(new Set())}>
              clear
            </button>
          </span>
        )}
      </div>
      {rows.length ? (
        <RunsTable
          project={project}
          rows={rows}
          columns={columns}
          sort={sort}
          selected={selected}
          onSelect={select}
        />
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
