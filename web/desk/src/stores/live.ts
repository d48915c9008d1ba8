/** The desk's one socket, shared by every page. */
import { defineStore } from "pinia";
import { ref } from "vue";
import { ownSlot } from "../api/client";
import { DeskStream, type Frame, type LineState } from "../api/stream";

type Listener = (frame: Frame) => void;

export const useLive = defineStore("live", () => {
  const line = ref<LineState>("connecting");
  const listeners = new Set<Listener>();
  let stream: DeskStream | null = null;

  function start(): void {
    if (stream !== null) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const address = `${scheme}://${location.host}/api/v1/desk/stream?slot=${ownSlot()}`;
    stream = new DeskStream(
      address,
      (frame) => [...listeners].forEach((listener) => listener(frame)),
      (state) => {
        line.value = state;
      },
    );
    stream.start();
  }

  function stop(): void {
    stream?.stop();
    stream = null;
    line.value = "connecting";
  }

  function listen(listener: Listener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  function typing(conversationId: string): void {
    stream?.send({ type: "typing", conversation_id: conversationId });
  }

  return { line, start, stop, listen, typing };
});
