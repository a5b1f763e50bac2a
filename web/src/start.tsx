// The page, once its code is here: main.tsx has begun to ask for what it shows.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { listen } from "./address/undo";
import { ApiError } from "./api/client";
import { App } from "./App";

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

export function start(root: HTMLElement): void {
  listen();
  createRoot(root).render(
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>,
  );
}
