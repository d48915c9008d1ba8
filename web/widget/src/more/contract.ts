/** What the chat and the file that is loaded on demand know of each other. */
import type { Language } from "../../../shared/ts/catalogue";
import type { Client } from "../api/client";
import type { Contact } from "../api/types";

export interface MoreKit {
  readonly client: Client;
  readonly language: Language;
  readonly root: ShadowRoot;
  token(): Promise<string>;
  privacyUrl(): string | null;
  sendText(text: string): void;
  leaveContact(contact: Contact): Promise<void>;
}

/** A part of the page that can be taken out again. */
export interface View {
  readonly element: HTMLElement;
  /** What it shows may be out of date. */
  refresh?(): void;
  /** Open a ticket where the head of the house may be asked. */
  askHead?(serial: string): void;
}

export interface More {
  tickets(): View;
  survey(serial: string, onDone: () => void): View;
  contact(onDone: (left: boolean) => void): View;
  speedTest(): View;
  /** A dialog over the panel; resolves when it is closed. */
  showPicture(blob: Blob, name: string, kind: "image" | "video"): Promise<void>;
}

export interface MoreModule {
  start(kit: MoreKit): More;
}
