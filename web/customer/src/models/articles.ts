/** Articles in the order in which a reader looks for them. */
import type { RichNode } from "../../../shared/ts/rich";
import type { ArticleLine } from "../api";

export interface Area {
  readonly name: string;
  readonly articles: readonly ArticleLine[];
}

const SNIPPET_CHARACTERS = 76;

/** Areas in the order of their first article. */
export function byArea(all: readonly ArticleLine[]): Area[] {
  const areas = new Map<string, ArticleLine[]>();
  for (const one of all) {
    const area = areas.get(one.area);
    if (area === undefined) areas.set(one.area, [one]);
    else area.push(one);
  }
  return [...areas].map(([name, articles]) => ({ name, articles }));
}

/** The first words of an answer, without the marks of Markdown or tags, cut at a sentence where one ends in time. */
export function snippet(answer: string): string {
  // Steps and hints follow in paragraphs of their own.
  const plain = (answer.trim().split(/\n\s*\n/)[0] ?? "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/<[^>]{0,200}>/g, " ")
    .replace(/[*_`#>]+/g, "")
    .replace(/\s+/g, " ")
    .trim();
  if (plain.length <= SNIPPET_CHARACTERS) return plain;
  const cut = plain.slice(0, SNIPPET_CHARACTERS);
  const end = Math.max(cut.lastIndexOf("。"), cut.lastIndexOf("！"), cut.lastIndexOf("？"));
  return end > SNIPPET_CHARACTERS / 2 ? cut.slice(0, end + 1) : `${cut}…`;
}

/** Articles are written with headings of the third level, to fit into a chat; under a page's title they are of the second. */
export function promoteHeadings(nodes: readonly RichNode[]): RichNode[] {
  const raised: Readonly<Record<string, string>> = { h3: "h2", h4: "h3" };
  return nodes.map((node) => (typeof node === "string" ? node : { ...node, tag: raised[node.tag] ?? node.tag }));
}
