// Beside the conversation: who it is, by the CRM, and what this conversation is about.
import { IconMail, IconPhone, IconUserQuestion } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Contact, Conversation } from "../api/types";
import { useQuery } from "@tanstack/react-query";
import { api } from "../api/client";
import { day, exact, initials, money, moment, phone } from "../shared/format";
import { useNow } from "../shared/hooks";
import { displayName } from "../shared/names";

export function Context({ conversation }: { conversation: Conversation }) {
  const { t, i18n } = useTranslation();
  const { item, contact, ticket, context } = conversation;
  const now = useNow(30_000);
  const codes = useQuery({ queryKey: ["wrap-up-codes"], queryFn: api.wrapUpCodes, select: (answer) => answer.items });
  const reason = item.reason ?? text(context?.["transfer_reason"]);
  const arrived = item.call?.started_at ?? item.created_at ?? item.enqueued_at;
  const name = contact?.name ?? displayName(t, item);
  const code =
    ticket?.wrap_up_label ??
    codes.data?.find((one) => one.code === ticket?.wrap_up_code)?.label ??
    ticket?.wrap_up_code;
  return (
    <>
      <Who name={name} contact={contact} number={contact?.phone ?? item.user_phone ?? item.call?.from ?? null} email={contact?.email ?? item.user_email ?? null} />
      {contact && <Crm contact={contact} />}
      <section className="context-part">
        <h2>{t("contact.context")}</h2>
        <Facts
          rows={[
            [t("contact.queue"), item.queue_name],
            [t("contact.reason"), reason],
            [
              t("contact.arrived"),
              arrived && (
                <time dateTime={arrived} title={exact(arrived, i18n.language)}>
                  {moment(arrived, now, i18n.language)}
                </time>
              ),
            ],
            [t("contact.attendant"), item.assigned_to_name],
          ]}
        />
      </section>
      {ticket && (
        <section className="context-part" data-testid="ticket-card">
          <h2>
            {t("contact.ticket")} {ticket.display}
          </h2>
          <Facts
            rows={[
              [t("contact.code"), code],
              [t("contact.notes"), ticket.notes],
            ]}
          />
        </section>
      )}
    </>
  );
}

function Who(props: { name: string; contact: Contact | null; number: string | null; email: string | null }) {
  const { t } = useTranslation();
  const { name, contact, number, email } = props;
  return (
    <section className="who">
      <span className="avatar avatar-big" aria-hidden>
        {initials(name) || <IconUserQuestion size={24} />}
      </span>
      <h2>{name}</h2>
      {contact?.tier && <span className="tier">{contact.tier}</span>}
      {!contact && <p className="meta">{t("contact.unknown")}</p>}
      {number && (
        <p className="with-icon figures">
          <IconPhone size={16} aria-label={t("contact.phone")} /> {phone(number)}
        </p>
      )}
      {email && (
        <p className="with-icon">
          <IconMail size={16} aria-label={t("contact.email")} /> <a href={`mailto:${email}`}>{email}</a>
        </p>
      )}
    </section>
  );
}

function Crm({ contact }: { contact: Contact }) {
  const { t, i18n } = useTranslation();
  const tags = Array.isArray(contact.tags) ? contact.tags : (contact.tags ?? "").split(",");
  const named = tags.map((tag) => tag.trim()).filter(Boolean);
  const { ltv, last_purchase: last, customer_since: since } = contact;
  return (
    <>
      <section className="context-part">
        <Facts
          rows={[
            [t("contact.since"), since && day(since, i18n.language)],
            [t("contact.total"), Number(ltv ?? 0) !== 0 && money(ltv ?? 0, i18n.language)],
            [t("contact.lastPurchase"), last && day(last, i18n.language)],
          ]}
        />
      </section>
      {named.length > 0 && (
        <section className="context-part">
          <h2>{t("contact.tags")}</h2>
          <ul className="tags">
            {named.map((tag) => (
              <li key={tag}>{tag}</li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function Facts({ rows }: { rows: readonly (readonly [string, ReactNode])[] }) {
  const known = rows.filter(([, value]) => Boolean(value));
  return known.length ? (
    <dl className="facts">
      {known.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd className="figures">{value}</dd>
        </div>
      ))}
    </dl>
  ) : null;
}

function text(value: unknown): string | null {
  return typeof value === "string" && value ? value : null;
}
