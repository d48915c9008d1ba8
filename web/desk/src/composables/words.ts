/** Codes in words; a code without a word is shown as it is, which is better than nothing. */
import { useI18n } from "vue-i18n";

export type WordGroup =
  | "state" | "channel" | "mode" | "tier" | "priority" | "rating" | "reason" | "decision" | "answeredBy" | "level"
  | "fact" | "value" | "intent" | "role" | "author" | "weekday" | "closeGround" | "kind";

export function useWords(): (group: WordGroup, code: string | number | null | undefined) => string {
  const i18n = useI18n();
  return (group, code) => {
    if (code === null || code === undefined) return "";
    const key = `words.${group}.${code}`;
    return i18n.te(key) || i18n.te(key, "zh-CN") ? i18n.t(key) : String(code);
  };
}
