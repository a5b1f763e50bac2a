import { useQuery } from "@tanstack/react-query";
import { Suspense } from "react";
import { Route, Router, Switch } from "wouter";
import { getJson } from "./api/client";
import { useLostSince, useSignedOut } from "./api/health";
import type { Project } from "./api/types";
import { useHashPath } from "./address/location";
import { clock } from "./format/time";
import { Fallible } from "./parts/Fallible";
import { Header } from "./parts/Header";
import { Loading, Note } from "./parts/Note";
import { Login } from "./views/Login";
import { Projects } from "./views/Projects";
import { RunPage, Runs } from "./views/routes";

export function App() {
  const [path] = useHashPath();
  const out = useSignedOut();
  const projects = useQuery({
    queryKey: ["projects"],
    queryFn: ({ signal }) => getJson<{ projects: Project[] }>("projects", signal),
    refetchInterval: 15_000,
    enabled: path === "/", // nowhere else is the list shown, and a first chart should not wait beside it
  });
  if (out) return <Login />;
  return (
    <Router hook={useHashPath}>
      <a className="skip" href="#main" onClick={(event) => skip(event)}>
        Skip to the content
      </a>
      <Header projects={projects.data?.projects ?? []} />
      <Lost />
      <main id="main" tabIndex={-1}>
        <Fallible at={path}>
          <Suspense fallback={<Loading what="Loading" />}>
            <Switch>
              <Route path="/">
                <Projects
                  projects={projects.data?.projects}
                  error={projects.error}
                  retry={() => void projects.refetch()}
                />
              </Route>
              <Route path="/:project">{({ project }) => <Runs key={project} project={project} />}</Route>
              <Route path="/:project/:id">
                {({ project, id }) => <RunPage key={`${project}/${id}`} project={project} id={id} />}
              </Route>
              <Route>
                <Note title="There is nothing at this address.">
                  An address is #/project or #/project/run. <a href="#/">Go to the projects.</a>
                </Note>
              </Route>
            </Switch>
          </Suspense>
        </Fallible>
      </main>
    </Router>
  );
}

function skip(event: React.MouseEvent): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** What is on the screen stays; the banner says from when it is. */
function Lost() {
  const since = useLostSince();
  if (since === null) return null;
  return (
    <div className="banner" role="alert">
      <b>The service does not answer</b> since {clock(since).slice(11)}. What you see is from before; runs
      keep recording to their own disk. Start it with <code>stepwell serve</code> (or <code>stepwell ui</code>
      ): this page goes on by itself.
    </div>
  );
}
