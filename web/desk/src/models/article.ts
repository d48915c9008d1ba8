/** An article in the editor: what it holds, whether it changed, what it lacks. */
import type { ArticleDetail, ArticleDraft } from "../api/knowledge_types";

export const EMPTY_DRAFT: ArticleDraft = {
  title: "", question: "", variants: [], answer: "", area: "", category_id: "", public: true,
};

export function draftOf(article: ArticleDetail): ArticleDraft {
  const { title, question, variants, answer } = article.draft;
  return { title, question, variants: [...variants], answer, area: article.area, category_id: article.category_id, public: article.public };
}

export function isSame(a: ArticleDraft, b: ArticleDraft): boolean {
  return JSON.stringify(ordered(a)) === JSON.stringify(ordered(b));
}

function ordered(draft: ArticleDraft): unknown[] {
  return [draft.title, draft.question, draft.variants, draft.answer, draft.area, draft.category_id, draft.public];
}

/** Phrasings from one typed or pasted text, one a line; those that are there already come back apart. */
export function addVariants(present: readonly string[], text: string): { variants: string[]; repeated: string[] } {
  const variants = [...present];
  const repeated: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const phrasing = line.trim();
    if (phrasing === "") continue;
    if (variants.some((known) => same(known, phrasing))) repeated.push(phrasing);
    else variants.push(phrasing);
  }
  return { variants, repeated };
}

/** Search folds these away, so they make no new phrasing. */
function same(a: string, b: string): boolean {
  const folded = (text: string): string => text.normalize("NFKC").toLowerCase().replace(/[\s\p{P}]/gu, "");
  return folded(a) === folded(b);
}

export type Lacking = "title" | "question" | "answer" | "area";

export function lacking(draft: ArticleDraft): Lacking[] {
  return (["title", "question", "answer", "area"] as const).filter((name) => draft[name].trim() === "");
}

/** Put words in place of what is selected; tells where the cursor then stands. */
export function insertAt(text: string, from: number, to: number, words: string): { text: string; cursor: number } {
  return { text: text.slice(0, from) + words + text.slice(to), cursor: from + words.length };
}

export interface Line {
  readonly kind: "same" | "added" | "removed";
  readonly text: string;
}

/** Which lines came and went, by the longest common row of lines. Articles are short, so the square cost is nothing. */
export function lineDiff(before: string, after: string): Line[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  const longest = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i]![j] = a[i] === b[j] ? longest[i + 1]![j + 1]! + 1 : Math.max(longest[i + 1]![j]!, longest[i]![j + 1]!);
    }
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: "same", text: a[i]! });
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && longest[i + 1]![j]! >= longest[i]![j + 1]!)) {
      lines.push({ kind: "removed", text: a[i]! });
      i += 1;
    } else {
      lines.push({ kind: "added", text: b[j]! });
      j += 1;
    }
  }
  return lines;
}
