/** Log out, here or everywhere, and stand at the door. A log-out that fails changes nothing and says so. */
import { useRouter } from "vue-router";
import { useLive } from "../stores/live";
import { useSession } from "../stores/session";
import { notifyFailed } from "./notify";

export function useLeave(): (everywhere?: boolean) => Promise<void> {
  const session = useSession();
  const live = useLive();
  const router = useRouter();

  return async (everywhere = false) => {
    session.isLeaving = true;
    live.stop();
    try {
      await session.logOut(everywhere);
      await router.push({ name: "login" });
    } catch (reason) {
      notifyFailed(reason);
    } finally {
      session.isLeaving = false;
    }
  };
}
