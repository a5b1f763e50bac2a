import "../styles/details.css";
import { useQuery } from "@tanstack/react-query";
import { getJson } from "../api/client";
import type { Checkpoint, RunRow } from "../api/types";
import { bytes, number, plural } from "../format/number";
import { clock } from "../format/time";
import { Failed, Loading, Note } from "../parts/Note";

export function Files({ project, run }: { project: string; run: RunRow }) {
  const path = `runs/${encodeURIComponent(project)}/${encodeURIComponent(run.id)}/checkpoints`;
  const asked = useQuery({
    queryKey: ["checkpoints", run.uuid],
    queryFn: async ({ signal }) => (await getJson<{ checkpoints: Checkpoint[] }>(path, signal)).checkpoints,
    refetchInterval: 10_000,
  });
  if (!asked.data) {
    return asked.error ? (
      <Failed error={asked.error} retry={() => void asked.refetch()} />
    ) : (
      <Loading what="Loading the checkpoints" />
    );
  }
  if (!asked.data.length) {
    return (
      <Note title="No checkpoints.">
        <code>run.log_checkpoint("model.pt")</code> keeps a file or a folder with the run, uploaded beside the
        training.
      </Note>
    );
  }
  return (
    <div className="narrow">
      {[...asked.data].reverse().map((checkpoint) => (
        <section key={`${checkpoint.name}:${checkpoint.step}:${checkpoint.time}`} className="card checkpoint">
          <header>
            <h2>{checkpoint.name}</h2>
            <span className="dim">
              step {number(checkpoint.step)} · {bytes(checkpoint.size)} ·{" "}
              {plural(checkpoint.files.length, "file")} · {clock(Date.parse(checkpoint.time))}
            </span>
            {checkpoint.state !== "complete" && (
              <b
                className="warn"
                title="Its bytes are still on the host that wrote them; they are uploaded as it reaches the service."
              >
                not uploaded yet
              </b>
            )}
          </header>
          {checkpoint.metadata !== "{}" && <pre className="metadata">{checkpoint.metadata}</pre>}
          <table className="plain">
            <tbody>
              {checkpoint.files.map((file) => (
                <tr key={file.path}>
                  <th scope="row">
                    {file.digest ? (
                      <a
                        href={`api/v1/blobs/${file.digest}`}
                        download={file.path.slice(file.path.lastIndexOf("/") + 1)}
                      >
                        {file.path}
                      </a>
                    ) : (
                      file.path
                    )}
                  </th>
                  <td className="num">{bytes(file.size)}</td>
                  <td className="mono dim" title={file.digest ? `blake3 ${file.digest}` : undefined}>
                    {file.digest.slice(0, 12)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ))}
    </div>
  );
}
