// Times, phones and money as people read them. Pure; the language is an argument.

/** 134 → "2:14"; from an hour "1:02:14". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A short span for lists: "12 s", "3 min", "2 h". */
export function span(seconds: number, language: string): string {
  const whole = Math.max(0, Math.floor(seconds));
  const unit = (value: number, name: "second" | "minute" | "hour" | "day") =>
    new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "short" }).format(value);
  if (whole < 60) return unit(whole, "second");
  if (whole < 3600) return unit(Math.floor(whole / 60), "minute");
  if (whole < 86400) return unit(Math.floor(whole / 3600), "hour");
  return unit(Math.floor(whole / 86400), "day");
}

/** Relative under an hour, the hour today, the date before. */
export function moment(iso: string, nowMs: number, language: string): string {
  const at = new Date(iso);
  const agoS = (nowMs - at.getTime()) / 1000;
  if (Number.isNaN(agoS)) return "";
  if (agoS < 3600) {
    const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
    return agoS < 45 ? relative.format(0, "second") : relative.format(-Math.max(1, Math.round(agoS / 60)), "minute");
  }
  const sameDay = new Date(nowMs).toDateString() === at.toDateString();
  return new Intl.DateTimeFormat(
    language,
    sameDay ? { hour: "2-digit", minute: "2-digit" } : { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit" },
  ).format(at);
}

/** The exact moment, for the tooltip. */
export function exact(iso: string, language: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime())
    ? ""
    : new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "medium" }).format(at);
}

export function timeOfDay(iso: string, language: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime())
    ? ""
    : new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" }).format(at);
}

export function day(iso: string, language: string): string {
  // a bare date has no time zone: read it as one here
  const at = new Date(/^\d{4}-\d{2}-\d{2}$/.test(iso) ? `${iso}T12:00:00` : iso);
  return Number.isNaN(at.getTime()) ? iso : new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(at);
}

export function money(value: number | string, language: string): string {
  const amount = Number(value);
  return Number.isFinite(amount)
    ? new Intl.NumberFormat(language, { style: "currency", currency: "BRL" }).format(amount)
    : String(value);
}

/** Brazilian numbers are grouped as they are spoken; others stay as they came. A SIP address shows its user part. */
export function phone(raw: string): string {
  const user = raw.replace(/^sips?:/i, "").split(/[@;]/)[0] ?? raw;
  const digits = user.replace(/[\s().-]/g, "");
  const national = /^\+?55(\d{10,11})$/.exec(digits)?.[1];
  if (national) return `+55 ${grouped(national)}`;
  if (/^0?\d{10,11}$/.test(digits) && digits.length >= 10) return grouped(digits.replace(/^0/, ""));
  return user;
}

function grouped(national: string): string {
  const [area, local] = [national.slice(0, 2), national.slice(2)];
  return `${area} ${local.slice(0, -4)}-${local.slice(-4)}`;
}

export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter((word) => /^\p{L}/u.test(word));
  return ((words[0]?.[0] ?? "") + (words.length > 1 ? (words.at(-1)?.[0] ?? "") : "")).toUpperCase();
}
