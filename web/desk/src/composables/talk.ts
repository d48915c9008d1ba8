/** One open conversation: what is known of it, its messages, and what can be done. */
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from "vue";
import * as api from "../api/desk";
import type { Attachment, ConversationDetail } from "../api/types";
import {
  accepted, EMPTY_THREAD, failed, firstSeq, lastSeq, older, opened, sending, type Sending, type Thread,
} from "../models/thread";
import { newClientId } from "../models/ids";
import { useSession } from "../stores/session";
import { gathered, onFrame } from "./live";
import { wordsFor } from "./notify";
import { asApiError, useResource, type Resource } from "./resource";

/** A typing sign fades when it is not renewed. */
const TYPING_FOR_MS = 6_000;

export interface Talk {
  readonly resource: Resource<ConversationDetail>;
  readonly thread: Ref<Thread>;
  readonly isMine: Ref<boolean>;
  readonly isTyping: Ref<boolean>;
  refresh(): Promise<void>;
  loadOlder(): Promise<void>;
  send(text: string, attachment?: Attachment): Promise<void>;
  sendAgain(message: Sending): Promise<void>;
  discard(message: Sending): void;
  markRead(): void;
}

export function useTalk(id: Ref<string>): Talk {
  const session = useSession();
  const thread = shallowRef<Thread>(EMPTY_THREAD);
  const isTyping = ref(false);
  let typingTimer = 0;
  let readUpTo = 0;

  const resource = useResource(async () => {
    const wanted = id.value;
    const detail = await api.conversation(wanted);
    if (wanted === id.value) thread.value = opened(thread.value, detail.messages, detail.has_more);
    return detail;
  });
  const isMine = computed(() => {
    const owner = resource.data.value?.conversation;
    return owner?.mode === "agent" && owner.agent_id === session.staff?.id;
  });

  watch(id, () => {
    thread.value = EMPTY_THREAD;
    resource.data.value = null;
    isTyping.value = false;
    readUpTo = 0;
    if (id.value !== "") void resource.load();
  }, { immediate: true });

  const readSoon = gathered(() => (id.value === "" ? undefined : resource.refresh()), 80);
  onFrame((frame) => {
    if (frame.type === "resync") readSoon();
    if (frame.type === "conversation" && frame.id === id.value) {
      isTyping.value = false;
      readSoon();
    }
    if (frame.type === "ticket" && frame.serial === resource.data.value?.ticket?.serial) readSoon();
    if (frame.type === "read" && frame.conversation_id === id.value) readSoon();
    if (frame.type === "typing" && frame.conversation_id === id.value) {
      isTyping.value = frame.on;
      window.clearTimeout(typingTimer);
      typingTimer = window.setTimeout(() => (isTyping.value = false), TYPING_FOR_MS);
    }
  });
  onScopeDispose(() => window.clearTimeout(typingTimer));

  async function deliver(message: Sending): Promise<void> {
    const to = id.value;
    thread.value = sending(thread.value, message);
    try {
      const told = await api.send(to, {
        client_message_id: message.clientMessageId,
        ...(message.attachment === null ? { text: message.text } : { attachment_id: message.attachment.attachment_id }),
      });
      if (to !== id.value) return;
      thread.value = accepted(thread.value, message.clientMessageId, told.message_id);
      readSoon();
    } catch (reason) {
      if (to === id.value) thread.value = failed(thread.value, message.clientMessageId, wordsFor(asApiError(reason)));
    }
  }

  async function send(text: string, attachment?: Attachment): Promise<void> {
    await deliver({
      clientMessageId: newClientId(),
      text,
      attachment: attachment ?? null,
      at: new Date().toISOString(),
      state: "sending",
      error: "",
      messageId: null,
    });
  }

  async function loadOlder(): Promise<void> {
    const before = firstSeq(thread.value);
    if (before === null || !thread.value.hasMore) return;
    const from = id.value;
    const page = await api.olderMessages(from, before);
    if (from === id.value) thread.value = older(thread.value, page.items, page.has_more);
  }

  function markRead(): void {
    const seq = lastSeq(thread.value);
    if (!isMine.value || document.hidden || seq <= readUpTo) return;
    readUpTo = seq;
    api.read(id.value, seq).catch(() => (readUpTo = 0));
  }

  return {
    resource, thread, isMine, isTyping,
    refresh: () => resource.refresh(),
    loadOlder, send,
    sendAgain: (message) => deliver({ ...message, state: "sending", error: "" }),
    discard: (message) => {
      thread.value = { ...thread.value, outgoing: thread.value.outgoing.filter((sent) => sent !== message) };
    },
    markRead,
  };
}
