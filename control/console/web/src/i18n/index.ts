// Texts: pt-BR at once, other languages when chosen. The choice is kept on this machine.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";

import { ptBR } from "./pt-BR";

export const LANGUAGES = [
  { id: "pt-BR", name: "Português (Brasil)" },
  { id: "en", name: "English" },
] as const;
export type Language = (typeof LANGUAGES)[number]["id"];

const KEY = "attendance.language";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: typeof ptBR };
  }
}

export async function startTexts(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: "pt-BR",
    fallbackLng: "pt-BR",
    resources: { "pt-BR": { translation: ptBR } },
    interpolation: { escapeValue: false }, // React escapes
  });
  const kept = localStorage.getItem(KEY);
  if (kept === "en") await speak("en");
}

export async function speak(language: Language): Promise<void> {
  if (language === "en" && !i18next.hasResourceBundle("en", "translation")) {
    const { en } = await import("./en");
    i18next.addResourceBundle("en", "translation", en);
  }
  await i18next.changeLanguage(language);
  localStorage.setItem(KEY, language);
  document.documentElement.lang = language;
}
