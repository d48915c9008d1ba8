/** One article in the editor: read, changed here, saved against the revision it was read at. */
import { computed, ref, type ComputedRef, type Ref } from "vue";
import { useI18n } from "vue-i18n";
import { ApiError } from "../api/client";
import * as api from "../api/knowledge";
import type { ArticleDetail, ArticleDraft } from "../api/knowledge_types";
import { addVariants, draftOf, EMPTY_DRAFT, isSame, lacking, type Lacking } from "../models/article";
import { ask, notifyDone, notifyFailed } from "./notify";
import { useResource, type Resource } from "./resource";

export interface ArticleEditor {
  readonly resource: Resource<ArticleDetail | "new">;
  readonly article: ComputedRef<ArticleDetail | null>;
  readonly draft: Ref<ArticleDraft>;
  readonly isDirty: ComputedRef<boolean>;
  readonly problems: Ref<Lacking[]>;
  readonly isSaving: Ref<boolean>;
  open(id: string, extraVariants: string[]): Promise<void>;
  /** The id it is kept under, or null when it could not be saved. */
  save(): Promise<string | null>;
}

export function useArticleEditor(): ArticleEditor {
  const { t } = useI18n();
  let id = "new";
  const draft = ref<ArticleDraft>({ ...EMPTY_DRAFT });
  const kept = ref<ArticleDraft>({ ...EMPTY_DRAFT });
  const problems = ref<Lacking[]>([]);
  const isSaving = ref(false);
  const resource = useResource<ArticleDetail | "new">(async () => (id === "new" ? "new" : api.open(id)));
  const article = computed(() => (resource.data.value === "new" ? null : resource.data.value));
  const isDirty = computed(() => !isSame(draft.value, kept.value));

  async function open(wanted: string, extraVariants: string[]): Promise<void> {
    id = wanted;
    problems.value = [];
    resource.data.value = null;
    await resource.load();
    kept.value = article.value === null ? { ...EMPTY_DRAFT, variants: [] } : draftOf(article.value);
    draft.value = { ...kept.value, variants: addVariants(kept.value.variants, extraVariants.join("\n")).variants };
    if (article.value === null && extraVariants[0] !== undefined) {
      draft.value = { ...draft.value, question: extraVariants[0], variants: draft.value.variants.slice(1) };
    }
  }

  async function save(): Promise<string | null> {
    problems.value = lacking(draft.value);
    if (problems.value.length > 0) return null;
    isSaving.value = true;
    const wanted = { ...draft.value, category_id: draft.value.category_id === "" ? "unsorted" : draft.value.category_id };
    try {
      if (article.value === null) id = (await api.create(wanted)).id;
      else await api.save(id, article.value.draft.revision, wanted);
      kept.value = { ...draft.value };
      await resource.refresh();
      if (article.value !== null) kept.value = draftOf(article.value);
      notifyDone(t("knowledge.saved"));
      return id;
    } catch (reason) {
      if (reason instanceof ApiError && reason.status === 409 && article.value !== null) await offerNewest(article.value);
      else notifyFailed(reason);
      return null;
    } finally {
      isSaving.value = false;
    }
  }

  /** Somebody saved in between: nothing is overwritten, and what stands here stays until its writer decides. */
  async function offerNewest(mine: ArticleDetail): Promise<void> {
    const newest = await api.open(mine.id);
    const question = t("knowledge.conflict", { title: mine.draft.title, name: newest.updated_by });
    if (await ask(question, t("knowledge.conflictVerb"))) await open(mine.id, []);
  }

  return { resource, article, draft, isDirty, problems, isSaving, open, save };
}
