import { useQuery } from "@tanstack/react-query";
import { getJson } from "../api/client";
import type { Artifact } from "../api/types";
import { number, plural } from "../format/number";
import { Failed, Loading } from "../parts/Note";

interface Rows {
  columns: string[];
  /** Each cell as text; null where there is none. */
  rows: (string | null)[][];
  total: number;
}

/** The first rows of the tables of one name at one step, a table a rank. */
export function TableCard(props: { name: string; project: string; run: string; shown: Artifact[] }) {
  return (
    <>
      {props.shown.map((one) => (
        <One key={one.rank} {...props} table={one} />
      ))}
    </>
  );
}

function One({ name, project, run, table }: { name: string; project: string; run: string; table: Artifact }) {
  const file = table.files[0];
  const complete = table.state === "complete" && file?.digest;
  const query = new URLSearchParams({ name, step: String(table.step), rank: String(table.rank) });
  const path = `runs/${encodeURIComponent(project)}/${encodeURIComponent(run)}/table?${query.toString()}`;
  const asked = useQuery({
    queryKey: ["table", path, file?.digest],
    queryFn: async ({ signal }) => getJson<Rows>(path, signal),
    enabled: Boolean(complete),
    staleTime: Infinity, // the content of a digest
  });
  return (
    <figure className="card table-card" aria-label={name}>
      <figcaption className="card-head">
        <span className="card-title" title={name}>
          {name}
        </span>
        <span className="card-meta">
          <b>step {number(table.step)}</b>
          {table.rank > 0 && `, rank ${table.rank}`}
          {asked.data && <span>{plural(asked.data.total, "row")}</span>}
          {complete && (
            <a href={`api/v1/blobs/${file.digest}`} download={`step-${table.step}.parquet`}>
              Parquet
            </a>
          )}
        </span>
      </figcaption>
      {!complete && <p className="dim more">not uploaded yet</p>}
      {asked.error && <Failed error={asked.error} retry={() => void asked.refetch()} />}
      {complete && asked.isPending && <Loading what={name} />}
      {asked.data && <Body data={asked.data} />}
    </figure>
  );
}

function Body({ data }: { data: Rows }) {
  return (
    <>
      <div className="scroll-x" tabIndex={0}>
        <table className="plain">
          <thead>
            <tr>
              {data.columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.rows.map((row, index) => (
              <tr key={index}>
                {row.map((cell, place) => (
                  <td key={place} className={cell === null ? "dim" : undefined}>
                    {cell ?? "null"}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {data.total > data.rows.length && (
        <p className="dim more">the first {number(data.rows.length)}; the Parquet file has them all</p>
      )}
    </>
  );
}
