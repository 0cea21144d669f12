// An error as words that say what to do: by the server's code when the catalogue knows it, else by its status.
import type { TFunction } from "i18next";

import { ApiError } from "../api/client";

export function problemText(t: TFunction, error: unknown): string {
  if (!(error instanceof ApiError)) return t("errors.unknown");
  const tell = t as unknown as (key: string[], values: object) => string;
  return tell([`errors.${error.code}`, `errors.http_${error.status}`, "errors.unknown"], { message: error.message });
}
