import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/client";
import { App } from "./App";
import { apply } from "./theme/theme";
import "uplot/dist/uPlot.min.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/views.css";
import "./styles/console.css";

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

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>,
  );
}
