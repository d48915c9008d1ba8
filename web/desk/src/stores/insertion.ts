/** Words that a panel wants in the composer beside it: a step's template, put in front of the cursor's person to edit. */
import { defineStore } from "pinia";
import { shallowRef } from "vue";

export const useInsertion = defineStore("insertion", () => {
  const wanted = shallowRef<{ serial: string; text: string } | null>(null);

  function insert(serial: string, text: string): void {
    wanted.value = { serial, text };
  }

  return { wanted, insert };
});
