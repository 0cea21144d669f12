// Notes for the team; the draft is kept per conversation.
import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type KeyboardEvent, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

import { api } from "../api/client";
import { withEntry } from "../hub/reduce";
import { update } from "../hub/store";
import { useDraft } from "../shared/hooks";
import { problemText } from "../shared/problem";

const LONGEST = 4000; // characters

export function NoteComposer({ sessionId }: { sessionId: string }) {
  const { t } = useTranslation();
  const [text, setText] = useDraft(`note.${sessionId}`);
  const box = useRef<HTMLTextAreaElement>(null);
  const saving = useMutation({
    mutationFn: (note: string) => api.addNote(sessionId, note),
    onSuccess: ({ entry }) => {
      setText("");
      update((desk) => withEntry(desk, sessionId, entry));
    },
  });
  const save = () => {
    const note = text.trim();
    if (note && !saving.isPending) saving.mutate(note);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    save();
  };
  useEffect(() => {
    const area = box.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 140)}px`;
  }, [text]);
  return (
    <div className="composer" data-filled={text ? "" : undefined}>
      <textarea
        ref={box}
        id="note-text"
        rows={1}
        maxLength={LONGEST}
        aria-label={t("conversation.note")}
        placeholder={t("conversation.notePlaceholder")}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKey}
        data-testid="note-text"
      />
      {text && (
        <Button size="xs" variant="light" onClick={save} loading={saving.isPending} data-testid="note-submit">
          {t("conversation.addNote")}
        </Button>
      )}
      {saving.error && (
        <p className="problem" role="alert">
          {problemText(t, saving.error)}
        </p>
      )}
    </div>
  );
}
