/** The catalogues: Chinese comes with the page, English when it is wished. The Chinese one is the list of keys. */
import { createI18n } from "vue-i18n";
import { chooseLanguage, type Language } from "../../../shared/ts/catalogue";
import zh from "./zh-CN";

const KEPT_AS = "frontline.desk.language";

export type Messages = typeof zh;

export const i18n = createI18n({
  legacy: false,
  locale: "zh-CN",
  fallbackLocale: "zh-CN",
  messages: { "zh-CN": zh },
});

export function language(): Language {
  return i18n.global.locale.value;
}

export async function useLanguage(wanted: Language): Promise<void> {
  if (wanted === "en") {
    const english = (await import("./en")).default;
    i18n.global.setLocaleMessage("en", english);
  }
  (i18n.global.locale as { value: Language }).value = wanted;
  document.documentElement.lang = wanted;
  localStorage.setItem(KEPT_AS, wanted);
}

/** What was chosen by hand before, else Chinese: this is a Chinese-first desk, whatever the browser says. */
export function keptLanguage(): Language {
  return chooseLanguage([localStorage.getItem(KEPT_AS) ?? "zh-CN"]);
}
