// Small hooks: one clock for all ticking texts, drafts kept on this machine.
import { useCallback, useState, useSyncExternalStore } from "react";

let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const watchers = new Set<() => void>();

function watch(tell: () => void): () => void {
  watchers.add(tell);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const watcher of watchers) watcher();
  }, 500);
  return () => {
    watchers.delete(tell);
    if (watchers.size) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** Milliseconds, renewed each half second while someone looks, floored to `stepMs` so that nothing renders in vain. */
export function useNow(stepMs = 1000): number {
  return useSyncExternalStore(watch, () => {
    if (!timer) now = Date.now();
    return Math.floor(now / stepMs) * stepMs;
  });
}

/** A text that survives leaving and reloading, per `key`. */
export function useDraft(key: string): [string, (text: string) => void] {
  const name = `attendance.draft.${key}`;
  const [, render] = useState(0);
  const set = useCallback(
    (text: string) => {
      if (text) localStorage.setItem(name, text);
      else localStorage.removeItem(name);
      render((count) => count + 1);
    },
    [name],
  );
  return [localStorage.getItem(name) ?? "", set];
}
