import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { current } from "./address/location";
import { ApiError } from "./api/client";
import { App } from "./App";
import { apply } from "./theme/theme";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/views.css";

apply();
// The code of the view goes out beside its data, not after it; the other view follows when there is time.
if (current().path.split("/").length > 2) void import("./views/RunPage");
else window.setTimeout(() => void import("./views/RunPage"), 1500);

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
