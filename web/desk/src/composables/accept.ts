/** Take somebody out of the line. Who is not online is asked whether to be: the gateway gives customers only to those who are. */
import { useI18n } from "vue-i18n";
import * as api from "../api/desk";
import { useInbox } from "../stores/inbox";
import { usePresence } from "../stores/presence";
import { ask, notifyDone, notifyFailed } from "./notify";

/** Tells the conversation, or null when it was not taken, which has been said then. */
export function useAccept(): (handoffId: string, customerName: string) => Promise<string | null> {
  const { t } = useI18n();
  const inbox = useInbox();
  const presence = usePresence();

  return async (handoffId, customerName) => {
    try {
      const status = presence.presence?.status ?? "online";
      if (status === "offline" || status === "away") {
        if (!(await ask(t("inbox.goOnlineAsk", { name: customerName }), t("inbox.goOnlineAndAccept")))) return null;
        await presence.change("online");
      }
      const { conversation_id } = await api.accept(handoffId);
      inbox.tab = "mine";
      inbox.readAll().catch(() => undefined);
      notifyDone(t("inbox.accepted", { name: customerName }));
      return conversation_id;
    } catch (reason) {
      notifyFailed(reason);
      return null;
    }
  };
}
