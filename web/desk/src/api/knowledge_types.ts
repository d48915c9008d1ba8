/** What the knowledge editor and the gateway say to each other. */

export type ArticleState = "draft" | "changed" | "published" | "archived";

export interface ArticleRow {
  id: string;
  key: string;
  title: string;
  question: string;
  area: string;
  category_id: string;
  state: ArticleState;
  variants_count: number;
  updated_at: string;
  updated_by: string;
}

export interface Revision {
  revision: number;
  title: string;
  question: string;
  variants: string[];
  answer: string;
  html: string;
}

export interface ArticleDetail {
  id: string;
  key: string;
  area: string;
  category_id: string;
  public: boolean;
  state: ArticleState;
  draft: Revision;
  live: Revision | null;
  history: { revision: number; at: string; by: string }[];
  updated_at: string;
  updated_by: string;
}

export interface ArticleDraft {
  title: string;
  question: string;
  variants: string[];
  answer: string;
  area: string;
  category_id: string;
  public: boolean;
}

export interface ChannelPreview {
  html: string;
  wechat: string;
  weibo: string;
}

export interface SearchResult {
  article_id: string;
  title?: string;
  question: string;
  answer?: string;
  score: number;
  probability: number;
}

export interface TrySide {
  decision: "answer" | "ask" | "none";
  exact?: boolean;
  lexical_only?: boolean;
  results: SearchResult[];
  html?: string | null;
  text?: string | null;
}

export interface TryResult {
  live: TrySide;
  draft: TrySide;
  warnings: (string | { code?: string; text: string })[];
}

export interface ChangedArticle {
  article_id: string;
  title: string;
  fields?: string[];
}

export interface FailedQuestion {
  text: string;
  expected: string;
  got: string | null;
}

export interface Changes {
  added: ChangedArticle[];
  changed: ChangedArticle[];
  removed: ChangedArticle[];
  golden: { total: number; passed: number; failed: FailedQuestion[] };
}

export interface Release {
  id: string;
  number: number;
  kind: string;
  note: string;
  at: string;
  by: string;
  current: boolean;
  articles?: number;
}

export interface Gap {
  id: string;
  text: string;
  count?: number;
  words?: string[];
  at: string;
  nearest_article_id?: string | null;
  nearest_title?: string | null;
  nearest_probability?: number | null;
  trend?: number[];
}
