// The connection to the hub: says when it is lost, and on return how much was replayed.
import { IconCloudCheck, IconCloudOff } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { useLink } from "../hub/store";
import { clock } from "../shared/format";
import { useNow } from "../shared/hooks";

export function LinkBanner({ inCall }: { inCall: boolean }) {
  const { t } = useTranslation();
  const link = useLink();
  if (link.state !== "lost" && link.state !== "restored") return null;
  return (
    <div className="banner" role="status" data-state={link.state} data-testid="connection-banner">
      {link.state === "lost" ? (
        <>
          <IconCloudOff size={16} aria-hidden />
          <span>{t(inCall ? "link.lostCall" : "link.lost")}</span>
          <Since at={link.since} />
        </>
      ) : (
        <>
          <IconCloudCheck size={16} aria-hidden />
          <span data-replayed={link.replayed}>{t("link.restored", { count: link.replayed })}</span>
        </>
      )}
    </div>
  );
}

function Since({ at }: { at: number }) {
  return (
    <span className="figures" aria-hidden>
      {clock((useNow() - at) / 1000)}
    </span>
  );
}
