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
  title: string;
  question: string;
  /** Only the open search tells it. */
  answer?: string;
  score: number;
  probability: number;
}

export interface TrySide {
  release: string | null;
  decision: "answer" | "ask" | "none";
  exact: boolean;
  lexical_only: boolean;
  results: SearchResult[];
}

export interface TryWarning {
  kind: string;
  article_id: string;
  title: string;
}

export interface TryResult {
  live: TrySide;
  draft: TrySide;
  warnings: TryWarning[];
}

export interface ChangedArticle extends ArticleRow {
  before?: Revision | null;
  after?: Revision | null;
}

export interface FailedQuestion {
  question: string;
  wanted: string;
  found: string | null;
}

export interface Changes {
  added: ArticleRow[];
  changed: ChangedArticle[];
  removed: ArticleRow[];
  golden: { total: number; passed: number; failed: FailedQuestion[] };
}

export interface Release {
  id: string;
  number: number;
  kind: string;
  note: string;
  at: string;
  by: string;
  articles: number;
  live: boolean;
}

/** Questions without an answer that have much in common. */
export interface Gap {
  texts: string[];
  count: number;
  customers: number;
  last_at: string;
  /** One number per day, today last. */
  days: number[];
  nearest: { article_id: string; title: string } | null;
}
