/**
 * The context packet, read with forgiveness: it was written by the version of the gateway that made the handoff, and an
 * old one must still open. What is missing is left out of the card, never shown as empty.
 */

export interface Fact {
  readonly key: string;
  readonly value: string;
}

export interface Tried {
  readonly articleId: string;
  readonly title: string;
  readonly probability: number | null;
  readonly reaction: "helpful" | "unhelpful" | "rejected" | null;
}

export interface OpenMatter {
  readonly serial: string;
  readonly title: string;
}

export interface PacketView {
  readonly summary: string;
  readonly wantsNow: string;
  readonly facts: readonly Fact[];
  readonly device: readonly Fact[];
  /** Null when the packet does not say, as after a colleague took over by hand. */
  readonly tried: readonly Tried[] | null;
  readonly failedTurns: number;
  readonly intent: string | null;
  readonly confidence: number | null;
  readonly emotion: number | null;
  readonly mood: readonly number[];
  readonly openMatters: readonly OpenMatter[];
}

/** Choices that were listed but hardly fitted say nothing about what the bot tried. */
const WORTH_TELLING = 0.05;
const MOST_TRIED = 5;

type Bag = Readonly<Record<string, unknown>>;

export function readPacket(packet: Bag): PacketView {
  const facts = readFacts(packet["form"] ?? packet["answers"] ?? packet["slots"]);
  const known = new Set(facts.map((fact) => fact.key));
  const last = readList(packet["last_messages"]).filter((message) => text(message["author"]) === "customer");
  return {
    summary: text(packet["summary"]),
    wantsNow: text(packet["wants_now"]) || text(packet["wish"]) || text(last.at(-1)?.["text"]),
    facts,
    device: readFacts(packet["device"] ?? packet["profile"]).filter((fact) => !known.has(fact.key)),
    tried: readTried(packet["articles_tried"] ?? packet["tried"] ?? packet["articles"] ?? null),
    failedTurns: number(packet["failed_turns"]) ?? 0,
    intent: text(packet["intent"]) || null,
    confidence: number(packet["confidence"]),
    emotion: number(packet["emotion"]),
    mood: readNumbers(packet["mood"]),
    openMatters: readList(packet["open_tickets"])
      .map((ticket) => ({ serial: text(ticket["serial"]), title: text(ticket["title"]) }))
      .filter((ticket) => ticket.serial !== ""),
  };
}

/** Form answers come as a list of {key, value} in the order asked, or as a plain record. */
function readFacts(raw: unknown): Fact[] {
  const pairs: [string, unknown][] = Array.isArray(raw)
    ? readList(raw).map((fact) => [text(fact["label"]) || text(fact["key"]) || text(fact["name"]), fact["value"]])
    : Object.entries(isBag(raw) ? raw : {});
  return pairs.map(([key, value]) => ({ key, value: text(value) })).filter((fact) => fact.key !== "" && fact.value !== "");
}

function readTried(raw: unknown): Tried[] | null {
  if (raw === null) return null;
  return readList(raw)
    .map((article) => ({
      articleId: text(article["article_id"]),
      title: text(article["title"]) || text(article["question"]) || text(article["article_id"]),
      probability: number(article["probability"]) ?? number(article["score"]),
      reaction: readReaction(article),
    }))
    .filter((article) => article.articleId !== "" || article.title !== "")
    .filter((article) => article.reaction !== null || (article.probability ?? 1) >= WORTH_TELLING)
    .sort((a, b) => (b.probability ?? 0) - (a.probability ?? 0))
    .slice(0, MOST_TRIED);
}

function readReaction(article: Bag): Tried["reaction"] {
  if (article["helpful"] === true) return "helpful";
  if (article["helpful"] === false) return "unhelpful";
  const told = text(article["reaction"]);
  return told === "helpful" || told === "unhelpful" || told === "rejected" ? told : null;
}

function readNumbers(raw: unknown): number[] {
  return Array.isArray(raw) ? raw.filter((value): value is number => typeof value === "number") : [];
}

function readList(raw: unknown): Bag[] {
  return Array.isArray(raw) ? raw.filter(isBag) : [];
}

function isBag(raw: unknown): raw is Bag {
  return typeof raw === "object" && raw !== null && !Array.isArray(raw);
}

function text(raw: unknown): string {
  if (typeof raw === "string") return raw.trim();
  return typeof raw === "number" || typeof raw === "boolean" ? String(raw) : "";
}

function number(raw: unknown): number | null {
  return typeof raw === "number" && Number.isFinite(raw) ? raw : null;
}
