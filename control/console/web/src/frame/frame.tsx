// The desk: rail, list, conversation, context; what rings and what is on the line lie over it.
import "./frame.css";

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useRoute, useSearchParams } from "wouter";

import { CallBar } from "../call/call-bar";
import { useLiveCall } from "../call/store";
import { ConversationPane } from "../conversation/conversation";
import { OfferPanel } from "../offers/offer-panel";
import { deskQuery } from "../session/session";
import { Toast } from "../shared/toast";
import { Home } from "./home";
import { LinkBanner } from "./link-banner";
import { ConversationList, type Tab } from "./list";
import { Rail } from "./rail";
import { Shortcuts } from "./shortcuts";
import { useTitle } from "./title";

export default function Frame() {
  const { t } = useTranslation();
  const [, params] = useRoute("/c/:session");
  const [search, setSearch] = useSearchParams();
  const [helping, setHelping] = useState(false);
  const desk = useQuery(deskQuery);
  const call = useLiveCall();
  const sessionId = params?.session ?? null;
  const tab = asTab(search.get("list"));
  const setTab = (next: Tab) => setSearch(next === "queue" ? {} : { list: next }, { replace: true });
  useTitle();

  return (
    <div className="frame" data-open={sessionId ? "conversation" : "list"}>
      <a className="skip" href="#conversation">
        {t("common.skip")}
      </a>
      <div className="overlays">
        <LinkBanner inCall={call !== null} />
        {call && call.sessionId !== sessionId && <CallBar call={call} />}
      </div>
      <Rail onHelp={() => setHelping(true)} />
      <ConversationList tab={tab} onTab={setTab} open={sessionId} loading={desk.isPending} failed={desk.isError} />
      <main className="main" id="conversation" tabIndex={-1}>
        {sessionId ? <ConversationPane key={sessionId} sessionId={sessionId} /> : <Home />}
      </main>
      <Toast />
      <OfferPanel />
      <Shortcuts helping={helping} onHelp={setHelping} onTab={setTab} />
    </div>
  );
}

function asTab(value: string | null): Tab {
  return value === "mine" || value === "all" ? value : "queue";
}
