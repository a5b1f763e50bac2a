import "../styles/details.css";
import { useQuery } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import { getJson } from "../api/client";
import { fromJson } from "../api/run";
import type { RunRow } from "../api/types";
import { matcher } from "../format/names";
import { bytes } from "../format/number";
import { Failed, Loading, Note } from "../parts/Note";

const LONG = ["env/git/diff", "env/packages"];

/** Machine, versions, command and code, as they were captured when the run began. */
export function EnvironmentView({ project, run }: { project: string; run: RunRow }) {
  const [search, setSearch] = useState("");
  const asked = useQuery({
    queryKey: ["run", run.uuid],
    queryFn: ({ signal }) =>
      getJson<{ fields: Record<string, string> }>(
        `runs/${encodeURIComponent(project)}/${encodeURIComponent(run.id)}`,
        signal,
      ),
  });
  if (!asked.data) {
    return asked.error ? (
      <Failed error={asked.error} retry={() => void asked.refetch()} />
    ) : (
      <Loading what="Loading the environment" />
    );
  }
  const fields = asked.data.fields;
  const matches = matcher(search);
  const facts = Object.keys(fields)
    .filter((key) => key.startsWith("env/") && !LONG.includes(key))
    .sort()
    .map((key) => ({ key: key.slice(4), value: said(key, fields[key] ?? "") }))
    .filter(({ key, value }) => matches(`${key} ${value}`));
  const packages = list(fields["env/packages"]).filter(matches);
  const diff = fields["env/git/diff"] ? String(fromJson(fields["env/git/diff"])) : "";
  if (!Object.keys(fields).some((key) => key.startsWith("env/"))) {
    return (
      <Note title="Nothing was captured.">
        It was switched off (STEPWELL_CAPTURE=0), or has not arrived yet.
      </Note>
    );
  }
  return (
    <div className="narrow">
      <div className="toolbar">
        <input
          type="search"
          className="search"
          placeholder="Search machine, versions, packages"
          aria-label="Search the environment"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
      </div>
      {facts.length > 0 && (
        <table className="plain card">
          <tbody>
            {facts.map(({ key, value }) => (
              <tr key={key}>
                <th scope="row" className="parts">
                  <Parts of={key} />
                </th>
                <td className="mono wrap">{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {diff && matches("diff") && (
        <details className="card block" open={diff.length < 4000}>
          <summary>Changes that were not committed</summary>
          <pre className="diff" tabIndex={0} aria-label="changes that were not committed">
            {diff.split("\n").map((line, index) => (
              <span
                key={index}
                className={/^\+(?!\+\+)/.test(line) ? "add" : /^-(?!--)/.test(line) ? "del" : undefined}
              >
                {line}
                {"\n"}
              </span>
            ))}
          </pre>
        </details>
      )}
      {packages.length > 0 && (
        <details className="card block" open={search !== ""}>
          <summary>{packages.length} packages</summary>
          <ul className="packages mono">
            {packages.map((name) => (
              <li key={name}>{name}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function said(key: string, text: string): string {
  const value = fromJson(text);
  if (key === "env/memory_bytes" && typeof value === "number") return bytes(value);
  if (key === "env/command" && Array.isArray(value))
    return value.map((part) => quoted(String(part))).join(" ");
  return typeof value === "string" ? value : JSON.stringify(value);
}

function quoted(part: string): string {
  return /^[\w@%+=:,./-]+$/.test(part) ? part : `'${part.replaceAll("'", "'\\''")}'`;
}

function list(text: string | undefined): string[] {
  const value = text ? fromJson(text) : [];
  return Array.isArray(value) ? value.map(String) : [];
}

/** A key that may go on in the next line after a slash, and in no word. */
function Parts({ of }: { of: string }) {
  return of.split("/").map((part, index) => (
    <Fragment key={index}>
      {index > 0 && (
        <>
          /<wbr />
        </>
      )}
      {part}
    </Fragment>
  ));
}
