/** Copy words, also where the page is not served over https and the browser offers no clipboard. */
import { i18n } from "../i18n";
import { notifyDone } from "./notify";

export async function copyText(text: string): Promise<void> {
  // `navigator.clipboard` is missing outside secure contexts, whatever its type says.
  const clipboard = navigator.clipboard as Clipboard | undefined;
  if (clipboard !== undefined) {
    await clipboard.writeText(text);
  } else {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  notifyDone(i18n.global.t("common.copied"));
}
