/** The knowledge base as its editors see it. */
import { get, post, put, upload, type Query } from "./client";
import type {
  ArticleDetail, ArticleDraft, ArticleRow, ChannelPreview, Changes, Gap, Release, SearchResult, TryResult,
} from "./knowledge_types";
import type { Page } from "./types";

const article = (id: string): string => `/api/v1/knowledge/articles/${encodeURIComponent(id)}`;

export interface ArticleFilter extends Query {
  q?: string;
  area?: string;
  state?: string;
}

export interface ArticleList extends Page<ArticleRow> {
  areas: string[];
}

export const list = (filter: ArticleFilter = {}): Promise<ArticleList> =>
  get<ArticleList>("/api/v1/knowledge/articles", filter);
export const open = (id: string): Promise<ArticleDetail> => get<ArticleDetail>(article(id));
export const create = (draft: ArticleDraft): Promise<{ id: string }> => post("/api/v1/knowledge/articles", draft);
export const save = (id: string, baseRevision: number, draft: ArticleDraft): Promise<{ revision: number }> =>
  put(article(id), { base_revision: baseRevision, ...draft });
export const archive = (id: string): Promise<unknown> => post(`${article(id)}/archive`);
export const uploadPicture = (id: string, file: File, progress: (share: number) => void): Promise<{ url: string }> =>
  upload<{ url: string }>(`${article(id)}/picture`, file, progress);

export const preview = (markdown: string): Promise<ChannelPreview> =>
  post<ChannelPreview>("/api/v1/knowledge/preview", { markdown });
export type DraftWords = Pick<ArticleDraft, "title" | "question" | "variants" | "answer">;
/** A draft that is not saved yet may come along; an article that does not exist yet has no id. */
export const tryOut = (text: string, articleId: string | null, draft: DraftWords | null): Promise<TryResult> =>
  post<TryResult>("/api/v1/knowledge/try", {
    text,
    ...(articleId === null ? {} : { article_id: articleId }),
    ...(draft === null ? {} : { draft }),
  });

export const changes = (): Promise<Changes> => get<Changes>("/api/v1/knowledge/changes");
export const releases = (): Promise<Page<Release>> => get<Page<Release>>("/api/v1/knowledge/releases");
export const publish = (note: string): Promise<Release> => post<Release>("/api/v1/knowledge/releases", { note });
export const rollBack = (id: string): Promise<unknown> =>
  post(`/api/v1/knowledge/releases/${encodeURIComponent(id)}/rollback`);
export const gaps = (): Promise<Page<Gap>> => get<Page<Gap>>("/api/v1/knowledge/gaps");

export interface SearchReply {
  release: string | null;
  decision: "answer" | "ask" | "none";
  results: SearchResult[];
}

export const search = (q: string, limit = 5): Promise<SearchReply> =>
  get<SearchReply>("/api/v1/knowledge/search", { q, limit });
