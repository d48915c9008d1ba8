/** Who is logged in on this slot. */
import { defineStore } from "pinia";
import { computed, ref } from "vue";
import { ApiError, setCsrf } from "../api/client";
import * as api from "../api/session";
import type { Session } from "../api/types";

export const useSession = defineStore("session", () => {
  const session = ref<Session | null>(null);
  /** True after a session that we had was refused, so that the log-in page can say so. */
  const ended = ref(false);
  /** Whether the gateway has said who we are, or that we are nobody; until then it is worth asking. */
  const isKnown = ref(false);
  /** From the wish to log out until the log-in page stands: nothing asks the gateway any more. */
  const isLeaving = ref(false);
  const staff = computed(() => session.value?.staff ?? null);
  const permissions = computed(() => session.value?.staff.permissions ?? []);

  const can = (permission: string): boolean => permissions.value.includes(permission);

  function begin(fresh: Session): void {
    session.value = fresh;
    setCsrf(fresh.csrf);
    ended.value = false;
    isKnown.value = true;
  }

  /** Ask the gateway who we are, false when nobody. Throws when it cannot be reached. */
  async function restore(): Promise<boolean> {
    try {
      begin(await api.current());
      return true;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 401)) throw error;
      isKnown.value = true;
      return false;
    }
  }

  async function logIn(name: string, password: string, totp?: string): Promise<void> {
    begin(await api.logIn(name, password, totp));
  }

  function forget(wasRefused: boolean): void {
    ended.value = wasRefused && session.value !== null;
    session.value = null;
    isKnown.value = true;
    setCsrf("");
  }

  async function logOut(everywhere = false): Promise<void> {
    await (everywhere ? api.logOutEverywhere() : api.logOut());
    forget(false);
  }

  return { session, staff, permissions, ended, isKnown, isLeaving, can, restore, logIn, logOut, forget };
});
