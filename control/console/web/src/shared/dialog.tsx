// Mantine's modal as the console uses it: in the middle, its closing named.
import { Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

interface Props {
  opened: boolean;
  onClose: () => void;
  title: string;
  children: ReactNode;
}

export function Dialog({ opened, onClose, title, children }: Props) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={title}
      centered
      size={460}
      closeButtonProps={{ "aria-label": t("common.close") }}
      transitionProps={{ duration: 120 }}
    >
      {children}
    </Modal>
  );
}
