// Resolve: a wrap-up code and notes end the call and open the ticket.
import { Button, NativeSelect, Textarea } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";

import { api } from "../api/client";
import type { QueueItem } from "../api/types";
import { change, withItem } from "../hub/reduce";
import { update } from "../hub/store";
import { hasLiveCall } from "../session/session";
import { Dialog } from "../shared/dialog";
import { useDraft } from "../shared/hooks";
import { problemText } from "../shared/problem";
import { tellDone } from "../shared/toast";

interface Props {
  opened: boolean;
  item: QueueItem;
  name: string;
  onClose: () => void;
  onDone: () => void;
}

export function ResolveDialog(props: Props) {
  const { t } = useTranslation();
  return (
    <Dialog opened={props.opened} onClose={props.onClose} title={t("resolve.title")}>
      <ResolveForm {...props} />
    </Dialog>
  );
}

function ResolveForm({ item, name, onClose, onDone }: Props) {
  const { t } = useTranslation();
  const sessionId = item.session_id;
  const codes = useQuery({ queryKey: ["wrap-up-codes"], queryFn: api.wrapUpCodes, select: (answer) => answer.items });
  const [code, setCode] = useState("");
  const [notes, setNotes] = useDraft(`resolve.${sessionId}`);
  const [tried, setTried] = useState(false);
  const chosen = codes.data?.find((one) => one.code === code);
  const needsNotes = chosen?.requires_notes ?? false;
  const resolving = useMutation({
    mutationFn: () => api.resolve(sessionId, code, notes.trim()),
    onSuccess: ({ ticket, resolved_at: timestamp }) => {
      setNotes("");
      update((desk) =>
        (["ticket_update", "conversation_closed"] as const).reduce(
          (was, type) => change(was, { type, session_id: sessionId, ticket, seq: 0, timestamp }),
          desk,
        ),
      );
      tellDone(t("resolve.done", { ticket: ticket.display }), () => reopen(sessionId));
      onDone();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (code && (!needsNotes || notes.trim()) && !resolving.isPending) resolving.mutate();
  };
  return (
    <form className="dialog" onSubmit={submit} noValidate>
      <p>{t(hasLiveCall(item) ? "resolve.lead" : "resolve.leadNoCall", { name })}</p>
      {codes.isError ? (
        <p className="problem" role="alert">
          {t("resolve.codesFailed")}{" "}
          <button type="button" className="text-button" onClick={() => void codes.refetch()}>
            {t("common.retry")}
          </button>
        </p>
      ) : (
        <NativeSelect
          label={t("resolve.code")}
          data-autofocus
          required
          withAsterisk={false}
          disabled={codes.isPending}
          data={[
            { value: "", label: t("resolve.choose"), disabled: true },
            ...(codes.data ?? []).map((one) => ({ value: one.code, label: one.label })),
          ]}
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
          error={tried && !code && t("resolve.chooseError")}
          data-testid="resolve-code"
        />
      )}
      <Textarea
        label={t(needsNotes ? "resolve.notes" : "resolve.notesOptional")}
        description={t("resolve.notesHint")}
        rows={4}
        maxLength={4000}
        value={notes}
        onChange={(event) => setNotes(event.currentTarget.value)}
        error={tried && needsNotes && !notes.trim() && t("resolve.notesError")}
        data-testid="resolve-notes"
      />
      {resolving.error && (
        <p className="problem" role="alert">
          {problemText(t, resolving.error)}
        </p>
      )}
      <div className="dialog-actions">
        <Button variant="default" onClick={onClose}>
          {t("common.cancel")}
        </Button>
        <Button type="submit" loading={resolving.isPending} data-testid="resolve-submit">
          {t("resolve.submit")}
        </Button>
      </div>
    </form>
  );
}

/** The undo: the conversation is open again, and its ticket with it. The call stays ended. */
async function reopen(sessionId: string): Promise<void> {
  const { item } = await api.reopen(sessionId);
  update((desk) => withItem(desk, item));
}
