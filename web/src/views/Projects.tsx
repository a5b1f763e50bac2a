import { projectPath } from "../address/location";
import type { Project } from "../api/types";
import { plural } from "../format/number";
import { ago, clock } from "../format/time";
import { Failed, Loading, Note } from "../parts/Note";
import { Start } from "../parts/Start";

interface Props {
  projects: Project[] | undefined;
  error: unknown;
  retry: () => void;
}

export function Projects({ projects, error, retry }: Props) {
  if (!projects)
    return error ? <Failed error={error} retry={retry} /> : <Loading what="Loading the projects" />;
  if (!projects.length) return <First />;
  const now = Date.now();
  return (
    <div className="page narrow">
      <h1>Projects</h1>
      <ul className="projects">
        {projects.map(({ project, runs, running, created }) => (
          <li key={project}>
            <a href={`#${projectPath(project)}`} className="card">
              <span className="project-name">{project}</span>
              <span className="dim">
                {plural(runs, "run")}
                <span title={clock(created)}> · newest {ago(created, now)}</span>
              </span>
              {running > 0 && <span className="live-pill">{running} running</span>}
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}

function First() {
  return (
    <Note title="Nothing is recorded yet.">
      <p>Put this into a script and run it; its curve appears here by itself.</p>
      <Start project="first" />
    </Note>
  );
}
