/** What every component of the widget is handed. */
import type { Language, Translate } from "../../../shared/ts/catalogue";
import type { ChatKey } from "../i18n/zh-CN";
import type { Chat } from "../models/chat";
import type { More } from "../more/contract";

export interface Kit {
  readonly chat: Chat;
  readonly t: Translate<ChatKey>;
  readonly language: Language;
  /** The gateway's address; relative links count from here. */
  readonly base: string;
  readonly root: ShadowRoot;
  /** The parts that are loaded only when needed; fetched once. */
  more(): Promise<More>;
}
