// TanStack Query's client: few retries, no refetch on focus, since the hub tells what changed.
import { QueryClient } from "@tanstack/react-query";

import { ApiError } from "../api/client";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: Infinity,
      refetchOnWindowFocus: false,
      retry: (count, error) => count < 3 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500),
      retryDelay: (count) => Math.min(1000 * 2 ** count, 8000),
    },
    mutations: { retry: false },
  },
});
