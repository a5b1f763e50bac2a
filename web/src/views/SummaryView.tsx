import "../styles/details.css";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { fieldValue } from "../api/run";
import { metricsQuery } from "../api/queries";
import type { RunRow } from "../api/types";
import { matcher } from "../format/names";
import { count, number } from "../format/number";
import { Failed, Loading, Note } from "../parts/Note";

const SHOWN = 500;

/** What the user set, then the last value of every metric. */
export function SummaryView({ project, run }: { project: string; run: RunRow }) {
  const asked = useQuery(metricsQuery(project, run.id));
  const [search, setSearch] = useState("");
  const [all, setAll] = useState(false);
  const matches = matcher(search);
  const set = useMemo(
    () =>
      Object.keys(run.fields)
        .filter((key) => key.startsWith("summary/"))
        .sort(),
    [run],
  );
  const metrics = asked.data;
  if (!metrics) {
    return asked.error ? (
      <Failed error={asked.error} retry={() => void asked.refetch()} />
    ) : (
      <Loading what="Loading the summary" />
    );
  }
  const found = metrics.filter((metric) => metric.kind === "scalar" && matches(metric.name));
  const own = set.filter((key) => matches(key));
  if (!set.length && !metrics.length) return <Note title="Nothing to sum up yet." />;
  return (
    <div className="narrow">
      <div className="toolbar">
        <input
          type="search"
          className="search"
          placeholder="Search the summary"
          aria-label="Search the summary"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
      </div>
      {own.length > 0 && (
        <table className="plain card own">
          <caption>Set by the run</caption>
          <tbody>
            {own.map((key) => (
              <tr key={key}>
                <th scope="row">{key.slice(8)}</th>
                <td className="num">{said(fieldValue(run, key))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <table className="plain card last-values">
        <caption>Last values</caption>
        <thead>
          <tr>
            <th scope="col">metric</th>
            <th scope="col" className="num">
              last
            </th>
            <th scope="col" className="num">
              at step
            </th>
            <th scope="col" className="num points">
              points
            </th>
            <th scope="col" className="num">
              non-finite
            </th>
          </tr>
        </thead>
        <tbody>
          {found.slice(0, all ? found.length : SHOWN).map((metric) => (
            <tr key={metric.name}>
              <th scope="row">{metric.name}</th>
              <td className="num">{number(Number(metric.last))}</td>
              <td className="num">{number(metric.step)}</td>
              <td className="num points">{count(metric.points)}</td>
              <td className={metric.bad ? "num warn" : "num dim"}>{metric.bad || "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {!all && found.length > SHOWN && (
        <button type="button" onClick={() => setAll(true)}>
          {SHOWN} of {found.length} shown: show all
        </button>
      )}
    </div>
  );
}

function said(value: unknown): string {
  if (typeof value === "number") return number(value, 7);
  return typeof value === "string" ? value : JSON.stringify(value);
}
