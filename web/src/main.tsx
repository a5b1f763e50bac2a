import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, type ComponentType } from "react";
import { createRoot } from "react-dom/client";
import { current } from "./address/location";
import { ApiError } from "./api/client";
import { EVERY_RUN, metricsQuery, tableQuery } from "./api/queries";
import { App } from "./App";
import { apply } from "./theme/theme";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/views.css";

apply();
const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // What a person has to act on is not asked again; a service that is away is, until it is back.
      retry: (failures, error) =>
        error instanceof ApiError && error.status !== 0 && error.status < 500 ? false : failures < 2,
      refetchOnReconnect: true,
    },
  },
});

const load = () => import("./views/RunPage");

async function start(root: HTMLElement): Promise<void> {
  const [, project, id] = current().path.split("/").map(decodeURIComponent);
  let RunPage: ComponentType<{ project: string; id: string }> = lazy(async () => ({
    default: (await load()).RunPage,
  }));
  if (project && id) {
    // The code of the view and its first data go out together.
    void queries.prefetchQuery(tableQuery(project, "", EVERY_RUN));
    void queries.prefetchQuery(metricsQuery(project, id));
    ({ RunPage } = await load());
  } else window.setTimeout(() => void load(), 1500);
  createRoot(root).render(
    <QueryClientProvider client={queries}>
      <App RunPage={RunPage} />
    </QueryClientProvider>,
  );
}

const root = document.getElementById("root");
if (root) void start(root);
