/** Where everything is. Every page but the log-in is loaded when it is first opened. */
import { createRouter, createWebHistory, type Router, type RouteRecordRaw } from "vue-router";
import { homeOf, may, type Place } from "./models/permissions";
import type { useSession } from "./stores/session";

declare module "vue-router" {
  interface RouteMeta {
    /** Which entry of the navigation it belongs to, and so which permissions it needs. */
    place?: Place;
    /** Stands alone, without the desk around it. */
    bare?: boolean;
    /** Needs no log-in. */
    open?: boolean;
  }
}

/** Permissions behind which customers' records lie; the gateway refuses them until the agreement is accepted. */
const RECORDS = new Set(["desk.use", "desk.watch", "ticket.read", "quality.inspect"]);

const routes: RouteRecordRaw[] = [
  { path: "/login", name: "login", component: () => import("./pages/LoginPage.vue"), meta: { open: true } },
  { path: "/", name: "home", component: () => import("./pages/MissingPage.vue") },
  { path: "/day", name: "day", component: () => import("./pages/DayPage.vue"), meta: { place: "day" } },
  { path: "/inbox/:id?", name: "inbox", component: () => import("./pages/InboxPage.vue"), meta: { place: "inbox" } },
  { path: "/sorting", name: "sorting", component: () => import("./pages/SortingPage.vue"), meta: { place: "sorting" } },
  { path: "/tickets", name: "tickets", component: () => import("./pages/TicketListPage.vue"), meta: { place: "tickets" } },
  { path: "/compensations", name: "compensations", component: () => import("./pages/CompensationsPage.vue"), meta: { place: "tickets" } },
  { path: "/tickets/:serial", name: "ticket", component: () => import("./pages/TicketPage.vue"), meta: { place: "tickets" } },
  {
    path: "/knowledge",
    component: () => import("./pages/KnowledgePage.vue"),
    meta: { place: "knowledge" },
    children: [
      { path: "", name: "knowledge", component: () => import("./pages/knowledge/ArticlePage.vue"), meta: { place: "knowledge" } },
      { path: "articles/:id", name: "article", component: () => import("./pages/knowledge/ArticlePage.vue"), meta: { place: "knowledge" } },
      { path: "publish", name: "publish", component: () => import("./pages/knowledge/PublishPage.vue"), meta: { place: "knowledge" } },
      { path: "releases", name: "releases", component: () => import("./pages/knowledge/ReleasesPage.vue"), meta: { place: "knowledge" } },
      { path: "gaps", name: "gaps", component: () => import("./pages/knowledge/GapsPage.vue"), meta: { place: "knowledge" } },
    ],
  },
  { path: "/board", name: "board", component: () => import("./pages/BoardPage.vue"), meta: { place: "board" } },
  { path: "/figures", name: "figures", component: () => import("./pages/FiguresPage.vue"), meta: { place: "figures" } },
  {
    path: "/settings",
    component: () => import("./pages/SettingsPage.vue"),
    meta: { place: "settings" },
    children: [
      { path: "", name: "settings", redirect: { name: "people" } },
      { path: "people", name: "people", component: () => import("./pages/settings/PeoplePage.vue"), meta: { place: "settings" } },
      { path: "fields", name: "fields", component: () => import("./pages/settings/FieldsPage.vue"), meta: { place: "settings" } },
      { path: "channels", name: "channels", component: () => import("./pages/settings/ChannelsPage.vue"), meta: { place: "settings" } },
      { path: "webhooks", name: "webhooks", component: () => import("./pages/settings/WebhooksPage.vue"), meta: { place: "settings" } },
      { path: "imports", name: "imports", component: () => import("./pages/settings/ImportsPage.vue"), meta: { place: "settings" } },
      { path: "promises", name: "promises", component: () => import("./pages/settings/PromisesPage.vue"), meta: { place: "settings" } },
      { path: "calendars", name: "calendars", component: () => import("./pages/settings/CalendarsPage.vue"), meta: { place: "settings" } },
      { path: "robots", name: "robots", component: () => import("./pages/settings/RobotsPage.vue"), meta: { place: "settings" } },
      { path: "sorting/:part?", name: "sorting-settings", component: () => import("./pages/settings/SortingSettingsPage.vue"), meta: { place: "settings" } },
      { path: "keys", name: "keys", component: () => import("./pages/settings/KeysPage.vue"), meta: { place: "settings" } },
      { path: "agreement", name: "agreement", component: () => import("./pages/settings/AgreementSettingsPage.vue"), meta: { place: "settings" } },
      { path: "audit", name: "audit", component: () => import("./pages/settings/AuditPage.vue"), meta: { place: "settings" } },
    ],
  },
  { path: "/agreement", name: "accept", component: () => import("./pages/AgreementPage.vue"), meta: { bare: true } },
  { path: "/account", name: "account", component: () => import("./pages/AccountPage.vue") },
  { path: "/forbidden", name: "forbidden", component: () => import("./pages/ForbiddenPage.vue") },
  { path: "/:rest(.*)*", name: "missing", component: () => import("./pages/MissingPage.vue") },
];

export function makeRouter(slot: number, session: ReturnType<typeof useSession>): Router {
  const router = createRouter({ history: createWebHistory(`/desk/u/${slot}/`), routes });
  router.beforeEach(async (to) => {
    if (!(await isLoggedIn(session))) {
      return to.meta.open ? true : { name: "login", query: { next: to.fullPath } };
    }
    // A password that somebody else has set is not used further than to choose one's own.
    if (session.staff?.must_change_password === true) return to.name === "account" ? true : { name: "account" };
    // Nobody sees a customer's record before the agreement; without such records it can wait.
    const isAsked = session.staff?.must_accept_agreement === true && session.permissions.some((one) => RECORDS.has(one));
    if (isAsked && to.name !== "accept" && to.name !== "agreement") return { name: "accept", query: { next: to.fullPath } };
    if (to.name === "login" || to.name === "home") {
      const home = homeOf(session.permissions);
      return home === null ? { name: "account" } : { name: home };
    }
    if (to.meta.place !== undefined && !may(session.permissions, to.meta.place)) return { name: "forbidden" };
    return true;
  });
  return router;
}

/** A gateway that cannot be reached looks like nobody logged in; the log-in page then says what is wrong. */
async function isLoggedIn(session: ReturnType<typeof useSession>): Promise<boolean> {
  if (session.isKnown) return session.session !== null;
  try {
    return await session.restore();
  } catch {
    return false;
  }
}
