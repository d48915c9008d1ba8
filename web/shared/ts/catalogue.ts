/** Message catalogues: plain records, one per language, the Chinese one being the list of keys. */

export type Language = "zh-CN" | "en";
export type Words<Key extends string> = Readonly<Record<Key, string>>;
export type Params = Readonly<Record<string, string | number>>;
export type Translate<Key extends string> = (key: Key, params?: Params) => string;

/** Chinese for every kind of Chinese and for whoever says nothing; English for the rest. */
export function chooseLanguage(wishes: readonly string[], offered: readonly Language[] = ["zh-CN", "en"]): Language {
  for (const wish of wishes) {
    const language: Language = wish.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
    if (offered.includes(language)) return language;
  }
  return offered[0] ?? "zh-CN";
}

/** A parameter that is missing stays visible as `{name}`, so that a test or a reader notices. */
export function translator<Key extends string>(words: Words<Key>): Translate<Key> {
  return (key, params = {}) =>
    words[key].replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}
