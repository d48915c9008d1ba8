/** What a guest's page asks the server; the head of the house shows a pass with each question. */
import { ask, get } from "./api";

export interface TalkLine {
  readonly at: string;
  readonly author: "customer" | "bot" | "agent" | "system" | "note";
  readonly name: string;
  readonly text: string;
}

export interface HistoryLine {
  readonly at: string;
  readonly who: string;
  readonly what: string;
  readonly text: string;
}

export interface Matter {
  readonly serial: string;
  readonly title: string;
  readonly state_text: string;
  readonly category: string;
  readonly description: string;
  readonly customer: string;
  readonly channel: string;
  readonly created_at: string;
  readonly facts: readonly { readonly label: string; readonly value: string }[];
  readonly talk: readonly TalkLine[];
  readonly solution: string | null;
  readonly history?: readonly HistoryLine[];
  readonly surveys?: readonly { readonly at: string; readonly rating: string | null; readonly solved: boolean | null; readonly text: string | null }[];
}

export interface Word {
  readonly id: string;
  readonly at: string;
  readonly mine: boolean;
  readonly name: string;
  readonly text: string;
  readonly to_customer: boolean;
}

export interface Locked {
  readonly kind: "executive";
  readonly locked: true;
  readonly name: string;
  readonly by_code: boolean;
}

export interface Open {
  readonly kind: "guest" | "executive";
  readonly locked?: false;
  readonly name: string;
  readonly organisation: string;
  readonly invited_by: string | null;
  readonly expires_at: string;
  readonly may_answer: boolean;
  readonly matter: Matter;
  readonly words: readonly Word[];
  readonly asked?: string;
  readonly asked_at?: string | null;
  readonly due_at?: string | null;
  readonly answered_at?: string | null;
}

export class GuestApi {
  constructor(private readonly token: string) {}

  page(): Promise<Locked | Open> {
    return get(this.path(""), this.pass());
  }

  async say(text: string, toCustomer: boolean): Promise<void> {
    await ask("POST", this.path("/messages"), { text, to_customer: toCustomer }, this.pass());
  }

  async sendCode(): Promise<void> {
    await ask("POST", this.path("/code"), {});
  }

  /** With the code from the mail, or, without one, as who is logged in on this browser. */
  async prove(code: string): Promise<void> {
    const made = (await (await ask("POST", this.path("/proof"), { code })).json()) as { pass: string };
    sessionStorage.setItem(this.key, made.pass);
  }

  private get key(): string {
    return `guest-pass:${this.token}`;
  }

  private pass(): Record<string, string> {
    const kept = sessionStorage.getItem(this.key);
    return kept === null ? {} : { "X-Guest-Pass": kept };
  }

  private path(rest: string): string {
    return `/api/v1/g/${encodeURIComponent(this.token)}${rest}`;
  }
}
