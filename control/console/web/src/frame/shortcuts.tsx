// Keys for everything, by `?`. Letters with Alt work also while one writes; a button that shows the key does the work.
import { Kbd } from "@mantine/core";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { Dialog } from "../shared/dialog";
import type { Tab } from "./lists";

interface Props {
  helping: boolean;
  onHelp: (open: boolean) => void;
  onTab: (tab: Tab) => void;
}

// The control that each key presses, by its test id: what is not on the screen can't be pressed.
const PRESSES: Readonly<Record<string, string>> = {
  KeyA: "offer-accept",
  KeyR: "offer-decline",
  KeyM: "call-mute",
  KeyH: "call-hold",
  KeyE: "resolve-open",
};

const KEYS = [
  ["Alt A", "accept"],
  ["Alt R", "decline"],
  ["Alt M", "mute"],
  ["Alt H", "hold"],
  ["Alt E", "resolve"],
  ["Alt P", "note"],
  ["Ctrl Enter", "send"],
  ["Alt J", "next"],
  ["Alt K", "previous"],
  ["Alt 1 2 3", "tabs"],
  ["/", "search"],
  ["?", "help"],
  ["Esc", "close"],
] as const;

export function Shortcuts({ helping, onHelp, onTab }: Props) {
  const { t } = useTranslation();
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.isComposing) return;
      const done = event.altKey ? pressAlt(event, onTab) : pressPlain(event, () => onHelp(true));
      if (done) event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [onHelp, onTab]);
  return (
    <Dialog opened={helping} onClose={() => onHelp(false)} title={t("keys.title")}>
      <dl className="keys">
        {KEYS.map(([key, what]) => (
          <div key={what}>
            <dt>
              {key.split(" ").map((part) => (
                <Kbd key={part}>{part}</Kbd>
              ))}
            </dt>
            <dd>{t(`keys.${what}`)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

function pressAlt(event: KeyboardEvent, onTab: (tab: Tab) => void): boolean {
  const target = PRESSES[event.code];
  if (target) {
    const button = document.querySelector<HTMLButtonElement>(`[data-testid="${target}"]:not(:disabled)`);
    button?.click();
    return button !== null;
  }
  switch (event.code) {
    case "KeyJ":
      return step(1);
    case "KeyK":
      return step(-1);
    case "KeyP":
      return focus("note-text");
    case "Digit1":
      return onTab("queue"), true;
    case "Digit2":
      return onTab("mine"), true;
    case "Digit3":
      return onTab("all"), true;
    default:
      return false;
  }
}

function pressPlain(event: KeyboardEvent, help: () => void): boolean {
  const place = event.target as HTMLElement;
  if (place.closest("input, textarea, select, [contenteditable]")) return false;
  if (event.key === "?") return help(), true;
  return event.key === "/" ? focus("list-search") : false;
}

function focus(id: string): boolean {
  const place = document.getElementById(id);
  place?.focus();
  return place !== null;
}

function step(by: 1 | -1): boolean {
  const rows = [...document.querySelectorAll<HTMLAnchorElement>('[data-testid="queue-item"]')];
  if (!rows.length) return false;
  const at = rows.findIndex((row) => row.getAttribute("aria-current") === "true");
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
  next?.click();
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return true;
}
