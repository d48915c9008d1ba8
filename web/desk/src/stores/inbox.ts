/** The conversation lists and the line; read again on every hint. */
import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";
import * as api from "../api/desk";
import type { ConversationRow, InboxView, Queue } from "../api/types";
import { arrange } from "../models/inbox";

export type InboxTab = "mine" | "waiting" | "team";

export const useInbox = defineStore("inbox", () => {
  const tab = ref<InboxTab>("mine");
  const openId = ref<string | null>(null);
  const lists = shallowRef<Partial<Record<InboxView, ConversationRow[]>>>({});
  const queue = shallowRef<Queue | null>(null);
  const rows = computed(() => lists.value[tab.value === "waiting" ? "waiting" : tab.value] ?? []);
  const unread = computed(() => (lists.value.mine ?? []).reduce((sum, row) => sum + row.unread, 0));

  async function readList(view: InboxView): Promise<ConversationRow[]> {
    const fresh = await api.conversations(view);
    const arranged = arrange(fresh.items, lists.value[view] ?? [], openId.value);
    lists.value = { ...lists.value, [view]: arranged };
    return arranged;
  }

  async function readQueue(): Promise<Queue> {
    queue.value = await api.queue();
    return queue.value;
  }

  /** Mine and the line always, since their counts stand on the tabs; the team's when it is looked at. */
  async function readAll(): Promise<true> {
    await Promise.all([readList("mine"), readQueue(), tab.value === "team" ? readList("team") : null]);
    return true;
  }

  return { tab, openId, lists, queue, rows, unread, readList, readQueue, readAll };
});
