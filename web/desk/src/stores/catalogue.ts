/** Lists that change seldom and that many pages choose from: categories, teams, colleagues. Read once, on first need. */
import { defineStore } from "pinia";
import { computed, ref } from "vue";
import * as people from "../api/people";
import * as tickets from "../api/tickets";
import type { Team } from "../api/people";
import type { Category, Named } from "../api/types";

export interface FlatCategory {
  id: string;
  name: string;
  path: string;
}

export const useCatalogue = defineStore("catalogue", () => {
  const tree = ref<Category[]>([]);
  const teams = ref<Team[]>([]);
  let asked: Promise<unknown> | null = null;

  const categories = computed<FlatCategory[]>(() => flatten(tree.value, ""));
  /** Everybody in any team, each once. */
  const colleagues = computed<Named[]>(() => {
    const byId = new Map(teams.value.flatMap((team) => team.members ?? []).map((person) => [person.id, person]));
    return [...byId.values()].sort((a, b) => a.name.localeCompare(b.name, "zh-CN"));
  });

  /** What cannot be read stays empty: the choice is then poorer, the page still works. */
  function need(): Promise<unknown> {
    asked ??= Promise.allSettled([
      tickets.categories().then((read) => (tree.value = read)),
      people.teams().then((read) => (teams.value = read.items)),
    ]);
    return asked;
  }

  return { tree, teams, colleagues, categories, need };
});

function flatten(nodes: readonly Category[], above: string): FlatCategory[] {
  return nodes.flatMap((node) => {
    const path = above === "" ? node.name : `${above} / ${node.name}`;
    return [{ id: node.id, name: node.name, path }, ...flatten(node.children ?? [], path)];
  });
}
