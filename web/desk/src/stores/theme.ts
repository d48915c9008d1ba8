/** Light, dark, or as the system says. */
import { defineStore } from "pinia";
import { ref } from "vue";

export type Theme = "light" | "dark" | "system";
const KEPT_AS = "frontline.desk.theme";

export const useTheme = defineStore("theme", () => {
  const kept = localStorage.getItem(KEPT_AS);
  const theme = ref<Theme>(kept === "light" || kept === "dark" ? kept : "system");

  function choose(wanted: Theme): void {
    theme.value = wanted;
    if (wanted === "system") localStorage.removeItem(KEPT_AS);
    else localStorage.setItem(KEPT_AS, wanted);
    apply();
  }

  function apply(): void {
    if (theme.value === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme.value;
  }

  apply();
  return { theme, choose };
});
