// The page, once its code is here: main.tsx has begun to ask for what it shows.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { current } from "./address/location";
import { listen } from "./address/undo";
import { ApiError } from "./api/client";
import { openingQuery } from "./api/queries";
import type { Opening } from "./api/types";
import { App } from "./App";
import { shown } from "./charts/shown";

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

/** The run whose charts are shown, those laid over it, by their ids, and what sends for its first series. */
export interface FirstCharts {
  project: string;
  ids: string[];
  expect: (project: string, opening: Opening, query: URLSearchParams) => void;
}

/** first: null where something else than charts is shown. */
export function start(root: HTMLElement, first: FirstCharts | null): void {
  listen();
  if (first) void foresee(first);
  else shown();
  createRoot(root).render(
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>,
  );
}

/** The first charts' series are sent for as soon as the run's metrics are known, while the page is being drawn. */
async function foresee({ project, ids, expect }: FirstCharts): Promise<void> {
  try {
    expect(project, await queries.fetchQuery(openingQuery(project, ids)), current().query);
  } catch (error) {
    console.info("the first charts could not be foreseen", error); // the view asks again, and says what is wrong
  }
}
