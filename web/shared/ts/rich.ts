/**
 * Rich text that the server has sanitised, read into a small tree and built as elements.
 *
 * The page never hands a string to the browser's HTML parser: only the tags and attributes named here can come out,
 * whatever comes in, and a site that enforces Trusted Types can still carry the widget.
 */

export interface RichElement {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: RichNode[];
}
export type RichNode = string | RichElement;

const TAGS = new Set(
  "p br strong em ol ul li a code pre img h2 h3 h4 blockquote hr table thead tbody tr th td".split(" "),
);
const VOID_TAGS = new Set(["br", "img", "hr"]);
/** What stands inside these is not text. */
const SILENT_TAGS = new Set(["script", "style", "template", "iframe", "object", "svg", "math"]);
const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", hellip: "…", mdash: "—", ndash: "–",
  middot: "·", ldquo: "“", rdquo: "”", lsquo: "‘", rsquo: "’", times: "×", rarr: "→", yen: "¥",
};

/** Read sanitised HTML. Unknown tags vanish and their text stays; the tree is always well formed. */
export function parseRich(html: string): RichNode[] {
  const root: RichNode[] = [];
  const open: RichElement[] = [];
  let silent: string | null = null;
  let at = 0;

  const append = (node: RichNode): void => {
    (open.at(-1)?.children ?? root).push(node);
  };

  while (at < html.length) {
    const tag = html[at] === "<" ? readTag(html, at) : null;
    if (tag === null) {
      const next = html.indexOf("<", at + 1);
      const end = next === -1 ? html.length : next;
      if (silent === null) append(decodeEntities(html.slice(at, end)));
      at = end;
      continue;
    }
    at = tag.end;
    if (silent !== null) {
      if (tag.closing && tag.name === silent) silent = null;
    } else if (SILENT_TAGS.has(tag.name)) {
      if (!tag.closing && !tag.selfClosing) silent = tag.name;
    } else if (!TAGS.has(tag.name)) {
      continue;
    } else if (tag.closing) {
      const depth = open.findLastIndex((element) => element.tag === tag.name);
      if (depth !== -1) open.length = depth;
    } else {
      const element = { tag: tag.name, attributes: safeAttributes(tag.name, tag.attributes), children: [] };
      append(element);
      if (!VOID_TAGS.has(tag.name)) open.push(element);
    }
  }
  return root;
}

/** Make elements of a tree. Relative addresses count from `base`, which matters on a stranger's page. */
export function buildRich(nodes: readonly RichNode[], base: string, page: Document = document): DocumentFragment {
  const fragment = page.createDocumentFragment();
  for (const node of nodes) {
    if (typeof node === "string") {
      fragment.append(node);
      continue;
    }
    const element = page.createElement(node.tag);
    for (const [name, value] of Object.entries(node.attributes)) {
      element.setAttribute(name, name === "href" || name === "src" ? absolute(value, base) : value);
    }
    if (node.tag === "a") {
      element.setAttribute("target", "_blank");
      element.setAttribute("rel", "noopener noreferrer");
    }
    if (node.tag === "img") element.setAttribute("loading", "lazy");
    element.append(buildRich(node.children, base, page));
    fragment.append(element);
  }
  return fragment;
}

/** The words of a tree, for labels, notices and lengths. */
export function plainText(nodes: readonly RichNode[]): string {
  return nodes.map((node) => (typeof node === "string" ? node : plainText(node.children))).join("");
}

/** Steps shorter than this are not worth a fold. */
const FOLD_FROM_CHARACTERS = 60;

/** Part an answer into what is said at once and what 「展开步骤」 shows: the fold lies before the first list or heading. */
export function fold(nodes: readonly RichNode[]): { short: RichNode[]; rest: RichNode[] } {
  const first = nodes.findIndex((node, place) => place > 0 && typeof node !== "string" && /^(ol|ul|h\d|table|pre)$/.test(node.tag));
  if (first === -1) return { short: [...nodes], rest: [] };
  const short = nodes.slice(0, first);
  const rest = nodes.slice(first);
  const worthIt = plainText(short).trim() !== "" && plainText(rest).length >= FOLD_FROM_CHARACTERS;
  return worthIt ? { short, rest } : { short: [...nodes], rest: [] };
}

interface Tag {
  readonly name: string;
  readonly closing: boolean;
  readonly selfClosing: boolean;
  readonly attributes: ReadonlyMap<string, string>;
  readonly end: number;
}

/** One tag that begins at `start`, or null when the sign is only a sign (3 < 5). Linear in its length. */
function readTag(html: string, start: number): Tag | null {
  let at = start + 1;
  const closing = html[at] === "/";
  if (closing) at += 1;
  if (html.startsWith("!--", at)) {
    const end = html.indexOf("-->", at);
    return { name: "!--", closing: false, selfClosing: true, attributes: new Map(), end: end === -1 ? html.length : end + 3 };
  }
  const nameFrom = at;
  while (at < html.length && /[a-zA-Z0-9]/.test(html.charAt(at))) at += 1;
  const name = html.slice(nameFrom, at).toLowerCase();
  if (!/^[a-z]/.test(name)) return null;

  const attributes = new Map<string, string>();
  let selfClosing = false;
  while (at < html.length && html[at] !== ">") {
    const sign = html.charAt(at);
    if (/[\s/]/.test(sign)) {
      selfClosing = sign === "/";
      at += 1;
      continue;
    }
    const keyFrom = at;
    while (at < html.length && !/[\s=>/]/.test(html.charAt(at))) at += 1;
    const key = html.slice(keyFrom, at).toLowerCase();
    while (at < html.length && /\s/.test(html.charAt(at))) at += 1;
    let value = "";
    if (html[at] === "=") {
      at += 1;
      while (at < html.length && /\s/.test(html.charAt(at))) at += 1;
      const quote = html.charAt(at);
      if (quote === '"' || quote === "'") {
        const close = html.indexOf(quote, at + 1);
        const end = close === -1 ? html.length : close;
        value = html.slice(at + 1, end);
        at = Math.min(end + 1, html.length);
      } else {
        const valueFrom = at;
        while (at < html.length && !/[\s>]/.test(html.charAt(at))) at += 1;
        value = html.slice(valueFrom, at);
      }
    }
    // A stray sign such as "=" names nothing but has to be passed.
    if (at === keyFrom) at += 1;
    if (key !== "" && !attributes.has(key)) attributes.set(key, decodeEntities(value));
  }
  return { name, closing, selfClosing, attributes, end: Math.min(at + 1, html.length) };
}

function safeAttributes(tag: string, given: ReadonlyMap<string, string>): Record<string, string> {
  const kept: Record<string, string> = {};
  if (tag === "a") {
    const href = safeAddress(given.get("href"), ["http:", "https:", "mailto:", "tel:"]);
    if (href !== null) kept["href"] = href;
  }
  if (tag === "img") {
    const src = safeAddress(given.get("src"), ["http:", "https:"]);
    if (src !== null) kept["src"] = src;
    kept["alt"] = given.get("alt") ?? "";
  }
  return kept;
}

/** An address with one of these schemes, or one without any; browsers ignore control signs and spaces, so we do too. */
export function safeAddress(address: string | undefined, schemes: readonly string[]): string | null {
  if (address === undefined) return null;
  // eslint-disable-next-line no-control-regex -- exactly these signs hide a scheme from a naive check
  const clean = address.replace(/[\u0000-\u0020\u007f-\u009f\u200b-\u200f\u2028\u2029\ufeff]/g, "");
  if (clean === "" || clean.startsWith("//")) return null;
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*:)/.exec(clean)?.[1];
  if (scheme === undefined) return /^[^/?#]*:/.test(clean) ? null : clean;
  return schemes.includes(scheme.toLowerCase()) ? clean : null;
}

function absolute(address: string, base: string): string {
  try {
    return new URL(address, base).href;
  } catch {
    return "#";
  }
}

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? whole;
    const code = decimal !== undefined ? Number(decimal) : parseInt(hex ?? "0", 16);
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000) ? String.fromCodePoint(code) : "\ufffd";
  });
}
