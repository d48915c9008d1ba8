/** The visitor's session: made when first needed, used again until it is refused or over, renewed once at a time. */
import type { Client } from "../api/client";
import type { Profile, SessionReply, SessionRequest } from "../api/types";
import type { Memory } from "./memory";

const TOKEN_LIFE_MS = 24 * 3_600_000;
/** A token that ends within this time is not worth beginning with. */
const TOKEN_MARGIN_MS = 5 * 60_000;

export interface SessionWorld {
  readonly client: Pick<Client, "session">;
  readonly memory: Memory;
  readonly channelKey: string;
  /** The site's signed word on who this is; empty when it has none. */
  identity(): Promise<string>;
  profile(): Promise<Profile>;
  now(): number;
}

export class Session {
  private making: Promise<string> | null = null;
  private known = false;

  constructor(private readonly world: SessionWorld) {}

  get canResume(): boolean {
    return this.world.memory.all.visitor_id !== undefined;
  }

  token(): Promise<string> {
    return (this.making ??= this.reuseOrMake().finally(() => (this.making = null)));
  }

  /** The token was refused: make a new one, with a fresh identity. Calls that meet share one answer. */
  renew(): Promise<string> {
    if (this.making !== null) return this.making;
    this.world.memory.forget("token", "token_until");
    this.known = false;
    return this.token();
  }

  /** Somebody logged in or out. */
  forget(): void {
    this.known = false;
  }

  private async reuseOrMake(): Promise<string> {
    const { memory } = this.world;
    const { token, token_until: until = 0 } = memory.all;
    const isFresh = token !== undefined && until > this.world.now() + TOKEN_MARGIN_MS;
    if (isFresh && this.known) return token;
    const identity = await this.world.identity().catch(() => "");
    const subject = subjectOf(identity);
    this.known = true;
    if (isFresh && memory.all.subject === subject) return token;
    return this.make(identity, subject);
  }

  private async make(identity: string, subject: string): Promise<string> {
    const { client, memory, channelKey } = this.world;
    const visitor = memory.all.visitor_id;
    const request: SessionRequest = {
      channel_key: channelKey,
      ...(visitor === undefined ? {} : { visitor_id: visitor }),
      ...(identity === "" ? {} : { identity }),
      profile: await this.world.profile(),
    };
    const reply: SessionReply = await client.session(request);
    memory.keep({
      visitor_id: reply.visitor_id,
      token: reply.token,
      token_until: this.world.now() + TOKEN_LIFE_MS,
      subject,
      last_seq: reply.last_seq,
    });
    return reply.token;
  }
}

/** Who a JWT speaks of. Only the server can tell whether it is true; here it keeps two people's tokens apart. */
export function subjectOf(identity: string): string {
  try {
    const part = (identity.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(part), (sign) => sign.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: unknown };
    return typeof claims.sub === "string" ? claims.sub : "";
  } catch {
    return "";
  }
}
