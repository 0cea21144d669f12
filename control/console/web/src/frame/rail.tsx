// The rail: the only global navigation, and what belongs to the person: presence, audio, appearance, language.
import { ActionIcon, Menu, Tooltip, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import {
  IconCheck,
  IconHeadphones,
  IconHeadset,
  IconInbox,
  IconKeyboard,
  IconLogout,
} from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";

import { AudioSetup } from "../call/audio-setup";
import { type Language, LANGUAGES, speak } from "../i18n";
import { signOut, useMe } from "../session/session";
import { Dialog } from "../shared/dialog";
import { initials } from "../shared/format";

const SCHEMES = ["auto", "light", "dark"] as const;

export function Rail({ onHelp }: { onHelp: () => void }) {
  const { t } = useTranslation();
  const [audio, setAudio] = useState(false);
  return (
    <nav className="rail" aria-label={t("rail.navigation")}>
      <span className="brand-mark rail-brand" aria-hidden>
        <IconHeadset size={20} stroke={2} />
      </span>
      <Tip label={t("rail.inbox")}>
        <ActionIcon component={Link} href="/" size={40} variant="light" aria-label={t("rail.inbox")} aria-current="page">
          <IconInbox size={20} />
        </ActionIcon>
      </Tip>
      <span className="rail-space" />
      <Tip label={t("rail.audio")}>
        <ActionIcon size={40} variant="subtle" color="gray" aria-label={t("rail.audio")} onClick={() => setAudio(true)}>
          <IconHeadphones size={20} />
        </ActionIcon>
      </Tip>
      <Tip label={t("rail.shortcuts")}>
        <ActionIcon
          className="rail-keys"
          size={40}
          variant="subtle"
          color="gray"
          aria-label={t("rail.shortcuts")}
          onClick={onHelp}
        >
          <IconKeyboard size={20} />
        </ActionIcon>
      </Tip>
      <Account />
      <Dialog opened={audio} onClose={() => setAudio(false)} title={t("audio.title")}>
        <AudioSetup />
      </Dialog>
    </nav>
  );
}

function Tip({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Tooltip label={label} position="right" openDelay={300} transitionProps={{ duration: 0 }}>
      {children}
    </Tooltip>
  );
}

function Account() {
  const { t, i18n } = useTranslation();
  const { user, organisation } = useMe();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const label = t("rail.account", { name: user.name });
  return (
    <Menu position="right-end" width={220} transitionProps={{ duration: 0 }}>
      <Menu.Target>
        <UnstyledButton className="avatar rail-avatar" aria-label={label} data-testid="account-menu">
          {initials(user.name)}
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <div className="menu-head">
          <strong>{user.name}</strong>
          <span className="meta">{organisation.name}</span>
        </div>
        <Menu.Divider />
        <Menu.Label>{t("rail.appearance")}</Menu.Label>
        {SCHEMES.map((scheme) => (
          <Menu.Item
            key={scheme}
            rightSection={colorScheme === scheme && <IconCheck size={16} />}
            onClick={() => setColorScheme(scheme)}
          >
            {t(`rail.${scheme}`)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Label>{t("rail.language")}</Menu.Label>
        {LANGUAGES.map(({ id, name }) => (
          <Menu.Item
            key={id}
            lang={id}
            rightSection={i18n.language === id && <IconCheck size={16} />}
            onClick={() => void speak(id satisfies Language)}
          >
            {name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut()} data-testid="sign-out">
          {t("rail.signOut")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
