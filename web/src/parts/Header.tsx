import { useRoute } from "wouter";
import { projectPath } from "../address/location";
import type { Project } from "../api/types";
import { useLostSince } from "../api/health";
import { toggle, useTheme } from "../theme/theme";

export function Header({ projects }: { projects: Project[] }) {
  const [inProject, ofProject] = useRoute("/:project/:rest*?");
  const theme = useTheme();
  const lost = useLostSince() !== null;
  const project = inProject ? ofProject.project : null;
  return (
    <header className="top">
      <a href="#/" className="brand" aria-label="stepwell: all projects">
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <rect width="32" height="32" rx="7" className="tile" />
          <path d="M6 8h5v5h5v5h5v5h5" className="steps" />
        </svg>
        <span>stepwell</span>
      </a>
      {project && (
        <nav aria-label="place">
          <span className="slash" aria-hidden="true">
            /
          </span>
          <a href={`#${projectPath(project)}`} title={project} className="crumb">
            {project}
          </a>
        </nav>
      )}
      <span className="grow" />
      {!project && projects.length > 0 && <span className="dim wide-only">{projects.length} projects</span>}
      <span
        className={lost ? "link lost" : "link"}
        title={lost ? "the service does not answer" : "connected to the service"}
      >
        <i aria-hidden="true" />
        {lost ? "not connected" : "connected"}
      </span>
      <button
        type="button"
        className="icon"
        onClick={toggle}
        aria-label={theme === "dark" ? "Use the light theme" : "Use the dark theme"}
        title={theme === "dark" ? "light theme" : "dark theme"}
      >
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
          {theme === "dark" ? (
            <path d="M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7ZM8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M3 13l1.2-1.2M11.8 4.2 13 3" />
          ) : (
            <path d="M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1Z" />
          )}
        </svg>
      </button>
    </header>
  );
}
