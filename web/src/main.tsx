// The first few kilobytes that run. They send off what the address needs (its data, the code of its view) together,
// before the rest of the page is there.
import { current } from "./address/location";
import { ask } from "./api/early";
import { openingPath, shownIds } from "./api/queries";
import type { FirstCharts } from "./start";
import { apply } from "./theme/theme";
import { Charts, Plot, RunPage, Runs, RunsTable } from "./views/routes";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/views.css";

const SOON_MS = 1500;

async function begin(root: HTMLElement): Promise<void> {
  const { path, query } = current();
  const [, project, id] = path.split("/").map(decoded);
  const views: Promise<unknown>[] = [];
  let charts: Promise<FirstCharts | null> | null = null;
  if (project && id) {
    const ids = shownIds(id, query.get("with"));
    ask(openingPath(project, ids));
    views.push(RunPage.load());
    if (query.get("tab") === null) {
      views.push(Charts.load(), Plot.load());
      charts = import("./charts/first").then(({ expect }) => ({ project, ids, expect })).catch(() => null);
    }
  } else {
    if (project) views.push(Runs.load(), RunsTable.load());
    // What does not come now is asked for again by the view that needs it.
    window.setTimeout(
      () => void Promise.allSettled([RunPage, Charts, Plot, Runs, RunsTable].map((view) => view.load())),
      SOON_MS,
    );
  }
  // A view whose code did not come says so in its place, and sends for it again.
  const [{ start }, first] = await Promise.all([import("./start"), charts, Promise.allSettled(views)]);
  start(root, first);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

apply();
const root = document.getElementById("root");
if (root)
  begin(root).catch((error: unknown) => {
    console.error(error);
    root.textContent = "The page's code could not be fetched from the service. Reload to try again.";
  });
