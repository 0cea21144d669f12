// What somebody is saying right now, before the recogniser is sure.
import { useTranslation } from "react-i18next";

import type { Partial } from "../api/types";

export function PartialLines({ partials }: { partials: Readonly<Record<string, Partial>> | undefined }) {
  const { t } = useTranslation();
  return Object.values(partials ?? {}).map((partial) => (
    <div className="partial" key={partial.speaker} data-author={partial.speaker}>
      <span className="meta">
        {partial.speaker_name ?? t(`author.${partial.speaker}`)} · {t("call.speaking")}
      </span>
      <p className="said" data-testid="transcript-line" data-speaker={partial.speaker} data-final="false">
        {partial.text.replace(/[.…\s]+$/, "")}…
      </p>
    </div>
  ));
}
