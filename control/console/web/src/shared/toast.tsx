// One short word about what was just done, with its undo while there is one.
import { Button } from "@mantine/core";
import { IconArrowBackUp, IconCheck } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";

import { announce } from "./announce";
import { problemText } from "./problem";

const SHOWN_MS = 10_000;

interface Done {
  text: string;
  undo: () => Promise<unknown>;
}

const toast = createStore<{ done: Done | null }>(() => ({ done: null }));

/** Tell what was done, and offer its undo for ten seconds. */
export function tellDone(text: string, undo: () => Promise<unknown>): void {
  announce(text);
  toast.setState({ done: { text, undo } });
}

export function Toast() {
  const { t } = useTranslation();
  const done = useStore(toast, (state) => state.done);
  const undoing = useMutation({
    mutationFn: (what: Done) => what.undo(),
    onSuccess: () => toast.setState({ done: null }),
  });
  const { isPending, reset } = undoing;
  useEffect(() => {
    if (!done || isPending) return;
    const timer = setTimeout(() => toast.setState({ done: null }), SHOWN_MS);
    return () => {
      clearTimeout(timer);
      reset();
    };
  }, [done, isPending, reset]);
  if (!done) return null;
  return (
    <div className="toast" data-testid="toast">
      <IconCheck size={18} aria-hidden />
      <span>{undoing.error ? problemText(t, undoing.error) : done.text}</span>
      <Button
        size="xs"
        variant="default"
        leftSection={<IconArrowBackUp size={16} />}
        loading={isPending}
        onClick={() => undoing.mutate(done)}
        data-testid="undo"
      >
        {t("common.undo")}
      </Button>
    </div>
  );
}
