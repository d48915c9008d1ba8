/** `/help` and `/help/{article_id}`: search, areas, articles. One page; the address always says what is shown. */
import { buildRich, parseRich } from "../../shared/ts/rich";
import { ago, exact } from "../../shared/ts/time";
import { fill, h, say, sign } from "../../widget/src/components/dom";
import { article, articles, search, type Article, type ArticleLine, type Found } from "./api";
import { language, load, page, t, titled, trouble } from "./frame";
import { byArea, promoteHeadings, snippet } from "./models/articles";

/** Between two keys of somebody who types slowly; a search per key would only flicker. */
const SEARCH_PAUSE_MS = 250;

let known: readonly ArticleLine[] | null = null;

function route(): void {
  const id = /^\/help\/([^/]+)/.exec(location.pathname)?.[1];
  if (id === undefined) void showHome();
  else void showArticle(decodeURIComponent(id));
}

function go(address: string): void {
  history.pushState(null, "", address);
  route();
  scrollTo(0, 0);
}

function link(address: string, look: string, ...children: (Node | string | null)[]): HTMLAnchorElement {
  const element = h("a", { href: address, class: look }, ...children);
  element.onclick = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(address);
  };
  return element;
}

async function showHome(): Promise<void> {
  titled(t("centre"));
  await load(
    async () => (known ??= await articles()),
    (all) => {
      const query = new URLSearchParams(location.search).get("q") ?? "";
      const body = h("div", { class: "help-body" });
      const field = searchField(query, (words) => void results(body, all, words));
      fill(page, h("section", { class: "hero" }, h("h1", {}, t("helpHead")), field.element), body);
      void results(body, all, query);
      if (matchMedia("(pointer: fine)").matches) field.focus();
    },
    { head: "failed", why: "failedWhy" },
  );
}

function searchField(query: string, onQuery: (words: string) => void): { element: HTMLElement; focus(): void } {
  const field = h("input", {
    type: "search",
    value: query,
    placeholder: t("helpSearch"),
    "aria-label": t("helpSearchLabel"),
    enterkeyhint: "search",
    autocomplete: "off",
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const soon = (pause: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const words = field.value.trim();
      history.replaceState(null, "", words === "" ? "/help" : `/help?q=${encodeURIComponent(words)}`);
      onQuery(words);
    }, pause);
  };
  // Half a word in the making is no question.
  field.addEventListener("input", (event) => {
    if (!event.isComposing) soon(SEARCH_PAUSE_MS);
  });
  field.addEventListener("compositionend", () => soon(SEARCH_PAUSE_MS));
  const form = h(
    "form",
    {
      class: "search",
      role: "search",
      onsubmit: (event: SubmitEvent) => {
        event.preventDefault();
        soon(0);
      },
    },
    field,
  );
  return { element: form, focus: () => field.focus({ preventScroll: true }) };
}

let asked = 0;

async function results(body: HTMLElement, all: readonly ArticleLine[], words: string): Promise<void> {
  asked += 1;
  const mine = asked;
  if (words === "") {
    fill(body, ...home(all));
    return;
  }
  const status = h("p", { class: "search-status", role: "status" });
  if (body.querySelector(".found") === null) {
    fill(body, status);
    say(status, t("helpSearching"));
  }
  let found: readonly Found[];
  try {
    found = await search(words);
  } catch {
    if (mine === asked) fill(body, trouble(t("failed"), t("failedWhy"), h("button", { class: "small", type: "button", onclick: () => void results(body, all, words) }, t("again"))));
    return;
  }
  // An answer that was overtaken by the next question is of no use.
  if (mine !== asked) return;
  if (found.length === 0) {
    fill(body, trouble(t("helpNothing", { query: words }), t("helpNothingWhy"), chatButton("small main")));
    return;
  }
  fill(
    body,
    h("p", { class: "search-status", role: "status" }, t("helpFound", { query: words })),
    h(
      "ul",
      { class: "found" },
      ...found.map((one) =>
        h("li", {}, link(`/help/${encodeURIComponent(one.article_id)}`, "found-line", h("strong", {}, one.title ?? one.question), h("span", {}, snippet(one.answer)))),
      ),
    ),
  );
}

function home(all: readonly ArticleLine[]): HTMLElement[] {
  if (all.length === 0) return [trouble(t("helpEmpty"), t("helpEmptyWhy"), chatButton("small main"))];
  const popular = all.filter((one) => one.popular === true).slice(0, 6);
  const areas = byArea(all);
  const parts: HTMLElement[] = [];
  if (popular.length > 0) {
    parts.push(
      h(
        "section",
        {},
        h("h2", {}, t("helpPopular")),
        h("div", { class: "popular" }, ...popular.map((one) => link(articleAddress(one), "popular-card", h("strong", {}, one.title), h("span", {}, one.summary ? snippet(one.summary) : one.area)))),
      ),
    );
  }
  parts.push(
    h(
      "section",
      {},
      h("h2", {}, t("helpAreas")),
      h(
        "div",
        { class: "areas" },
        ...areas.map((area) =>
          h(
            "section",
            { class: "area", id: `area-${area.name}` },
            h("h3", {}, area.name, h("small", {}, t("helpCount", { count: area.articles.length }))),
            ...areaList(area.articles),
          ),
        ),
      ),
    ),
  );
  return parts;
}

/** Five at once, the rest behind a fold of the browser's own. */
function areaList(all: readonly ArticleLine[]): HTMLElement[] {
  const list = (some: readonly ArticleLine[]): HTMLElement => h("ul", {}, ...some.map((one) => h("li", {}, link(articleAddress(one), "", one.title))));
  if (all.length <= 6) return [list(all)];
  const rest = all.slice(5);
  return [list(all.slice(0, 5)), h("details", {}, h("summary", {}, `+ ${rest.length}`), list(rest))];
}

const articleAddress = (one: { readonly article_id: string }): string => `/help/${encodeURIComponent(one.article_id)}`;

async function showArticle(id: string): Promise<void> {
  await load(() => article(id), articleView, { head: "articleGone", why: "articleGoneWhy" });
}

function articleView(found: Article): void {
  titled(`${found.title} · ${t("centre")}`);
  const at = new Date(found.updated_at);
  fill(
    page,
    h("nav", { class: "crumbs", "aria-label": t("crumbs") }, link("/help", "", sign("back", 16), t("centre")), h("span", { "aria-hidden": "true" }, "/"), h("span", {}, found.area)),
    h(
      "div",
      { class: "article-page" },
      h(
        "article",
        { class: "article" },
        h("h1", {}, found.title),
        h("p", { class: "article-meta", title: exact(at, language) }, t("articleUpdated", { time: ago(at, new Date(), language) })),
        h("div", { class: "rich" }, buildRich(promoteHeadings(parseRich(found.html)), location.origin)),
        h("div", { class: "card more-help" }, h("strong", {}, t("articleMore")), h("div", { class: "acts" }, chatButton("small main"), h("a", { class: "small", href: "/feedback" }, t("giveFeedback")))),
      ),
      found.related.length === 0
        ? null
        : h("aside", { class: "related" }, h("h2", {}, t("articleRelated")), h("ul", {}, ...found.related.map((one) => h("li", {}, link(articleAddress(one), "", one.title))))),
    ),
  );
}

/** Opens the chat that the page carries. */
function chatButton(look: string): HTMLButtonElement {
  return h("button", { class: look, type: "button", onclick: () => window.frontline?.open?.() }, t("askUs"));
}

addEventListener("popstate", route);
route();
