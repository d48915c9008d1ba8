/** How wide the window is, in the steps that the layout knows. */
import { ref, type Ref } from "vue";

function matches(query: string): Ref<boolean> {
  const list = window.matchMedia(query);
  const is = ref(list.matches);
  list.addEventListener("change", (event) => (is.value = event.matches));
  return is;
}

const phone = matches("(max-width: 760px)");
const compact = matches("(max-width: 1180px)");

/** A phone: one column at a time, navigation at the bottom. */
export const useIsPhone = (): Ref<boolean> => phone;
/** Too narrow for a third column; it becomes a drawer. */
export const useIsCompact = (): Ref<boolean> => compact;
