/** Whether this person takes conversations now. */
import { defineStore } from "pinia";
import { ref } from "vue";
import * as api from "../api/desk";
import type { Presence, PresenceStatus } from "../api/types";

export const usePresence = defineStore("presence", () => {
  const presence = ref<Presence | null>(null);

  async function read(): Promise<void> {
    presence.value = await api.presence();
  }

  async function change(status: PresenceStatus, reason?: string): Promise<void> {
    const told = (await api.setPresence(status, reason)) as Presence | undefined;
    presence.value = told ?? { capacity: 0, ...presence.value, status, reason: reason ?? null };
  }

  return { presence, read, change };
});
