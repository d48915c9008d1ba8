/** Short words that pass: something is done, something failed, something can be undone for five seconds. */
import { ElMessage, ElMessageBox } from "element-plus";
import { h } from "vue";
import type { ApiError } from "../api/client";
import { i18n } from "../i18n";
import { asApiError } from "./resource";

const UNDO_FOR_MS = 5_000;

const t = (key: string, params: Record<string, unknown> = {}): string => i18n.global.t(key, params);

/** What to tell a person about an error: the gateway's own words where it has some. */
export function wordsFor(error: ApiError): string {
  if (error.isOffline) return t("common.error.offline");
  if (error.code === "rate_limited") return t("common.error.rateLimited", { seconds: Math.ceil(error.retryAfterS ?? 1) });
  if (error.message !== "") return error.message;
  if (error.status === 403) return t("common.error.forbiddenTitle");
  if (error.status === 404) return t("common.error.missing");
  if (error.status === 409) return t("common.error.conflict");
  return t("common.error.unknown");
}

export function notifyDone(text: string): void {
  ElMessage({ message: text, type: "success", duration: 2500, grouping: true });
}

export function notifyFailed(reason: unknown): void {
  ElMessage({ message: wordsFor(asApiError(reason)), type: "error", duration: 5000, grouping: true, showClose: true });
}

export function notifyUndo(text: string, undo: () => void): void {
  const shown = ElMessage({
    type: "success",
    duration: UNDO_FOR_MS,
    message: h("span", [
      text,
      " ",
      h("button", {
        class: "plain undo-link",
        type: "button",
        onClick: () => {
          shown.close();
          undo();
        },
      }, t("common.undo")),
    ]),
  });
}

/** Ask once, with the object's name. */
export async function ask(question: string, verb: string, isDangerous = false): Promise<boolean> {
  try {
    await ElMessageBox.confirm(question, verb, {
      confirmButtonText: verb,
      cancelButtonText: t("common.cancel"),
      confirmButtonClass: isDangerous ? "el-button--danger" : "",
      autofocus: true,
    });
    return true;
  } catch {
    return false;
  }
}

/** Do it and say so; false when it failed, which has been said as well. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work();
    if (done !== undefined) notifyDone(done);
    return true;
  } catch (reason) {
    notifyFailed(reason);
    return false;
  }
}
