import "../styles/details.css";
import { useQuery } from "@tanstack/react-query";
import { getJson } from "../api/client";
import type { Artifact, BlobFile, RunRow } from "../api/types";
import { bytes, number, plural } from "../format/number";
import { clock } from "../format/time";
import { Failed, Loading, Note } from "../parts/Note";

/** Of more files than this the first are shown. */
const FILES_MAX = 200;

export function Files({ project, run }: { project: string; run: RunRow }) {
  const path = `runs/${encodeURIComponent(project)}/${encodeURIComponent(run.id)}/artifacts`;
  const asked = useQuery({
    queryKey: ["artifacts", run.uuid],
    queryFn: async ({ signal }) => (await getJson<{ artifacts: Artifact[] }>(path, signal)).artifacts,
    refetchInterval: 10_000,
  });
  if (!asked.data) {
    return asked.error ? (
      <Failed error={asked.error} retry={() => void asked.refetch()} />
    ) : (
      <Loading what="Loading the files" />
    );
  }
  if (!asked.data.length) {
    return (
      <Note title="No files.">
        <code>run.log_checkpoint("model.pt")</code> and <code>run.log_artifact("data", type="dataset")</code>{" "}
        keep files and folders with the run, uploaded beside the training.
      </Note>
    );
  }
  return (
    <div className="narrow">
      {[...asked.data].reverse().map((artifact) => (
        <section
          key={`${artifact.type}:${artifact.name}:${artifact.step}:${artifact.time}`}
          className="card artifact"
        >
          <Head artifact={artifact} />
          {artifact.metadata !== "{}" && <pre className="metadata">{artifact.metadata}</pre>}
          <table className="plain">
            <tbody>
              {artifact.files.slice(0, FILES_MAX).map((file) => (
                <File key={file.path} file={file} />
              ))}
            </tbody>
          </table>
          {artifact.files.length > FILES_MAX && (
            <p className="dim more">
              and {number(artifact.files.length - FILES_MAX)} more:{" "}
              <code>{`stepwell download ${project}/${artifact.name}`}</code>
            </p>
          )}
        </section>
      ))}
    </div>
  );
}

function Head({ artifact }: { artifact: Artifact }) {
  const waiting = artifact.state === "staged" || artifact.state === "partial";
  return (
    <header>
      <h2>{artifact.name}</h2>
      {artifact.version !== null && (
        <b title="Its version among those of this name in the project">v{artifact.version}</b>
      )}
      {artifact.aliases.map((alias) => (
        <span key={alias} className="alias">
          {alias}
        </span>
      ))}
      <span className="dim">
        {artifact.type} · step {number(artifact.step)} · {bytes(artifact.size)} ·{" "}
        {plural(artifact.files.length, "file")} · {clock(Date.parse(artifact.time))}
      </span>
      {waiting && (
        <b
          className="warn"
          title="Its bytes are still on the hosts that wrote them; they are uploaded as those reach the service."
        >
          {artifact.parts > 1 ? `${artifact.parts_in} of ${artifact.parts} parts` : "not uploaded yet"}
        </b>
      )}
      {artifact.state === "deleted" && <b className="warn">deleted</b>}
    </header>
  );
}

function File({ file }: { file: BlobFile }) {
  return (
    <tr>
      <th scope="row">
        {file.digest && !file.uri ? (
          <a href={`api/v1/blobs/${file.digest}`} download={file.path.slice(file.path.lastIndexOf("/") + 1)}>
            {file.path}
          </a>
        ) : (
          file.path
        )}
        {file.uri && <span className="dim"> {file.uri}</span>}
      </th>
      <td className="num">{bytes(file.size)}</td>
      <td
        className="mono dim"
        title={file.digest ? (file.uri ? file.digest : `blake3 ${file.digest}`) : undefined}
      >
        {file.digest.slice(0, 12)}
      </td>
    </tr>
  );
}
