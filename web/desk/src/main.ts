import { createPinia } from "pinia";
import { createApp } from "vue";
import "./styles";
import { speakAs } from "./api/client";
import App from "./App.vue";
import { i18n, keptLanguage, useLanguage } from "./i18n";
import { beginAnew } from "./models/newer";
import { slotOf } from "./models/slot";
import { makeRouter } from "./router";
import { useLive } from "./stores/live";
import { useSession } from "./stores/session";
import { useTheme } from "./stores/theme";

window.addEventListener("vite:preloadError", (event) => {
  // The error goes on to the router when the page was begun anew already.
  const anew = beginAnew(sessionStorage, Date.now(), () => {
    location.reload();
  });
  if (anew) event.preventDefault();
});

const slot = slotOf(location.pathname);
if (slot === null) {
  // Every seat has its own address; who comes without one takes the first.
  location.replace("/desk/u/0/");
} else {
  void start(slot);
}

async function start(own: number): Promise<void> {
  const app = createApp(App);
  app.use(createPinia());
  const session = useSession();
  const live = useLive();
  useTheme();
  await useLanguage(keptLanguage());
  const router = makeRouter(own, session);
  speakAs(
    own,
    () => {
      live.stop();
      session.forget(true);
      void router.push({ name: "login", query: { next: router.currentRoute.value.fullPath } });
    },
    () => {
      // A new version came into force while the page stood open.
      const here = router.currentRoute.value;
      if (here.name !== "accept") void router.push({ name: "accept", query: { next: here.fullPath } });
    },
  );
  app.use(i18n).use(router).mount("#app");
}
