/** The part of a result's form that the playbook of the chosen category asks for. */
import { computed, reactive, ref, shallowRef, type ComputedRef, type Ref } from "vue";
import { plans as readPlans, type Plan } from "../api/playbooks";
import type { ResultKind } from "../api/tickets";
import { completed, lacksOf, NOTHING_KNOWN, planFor, wants, wishesOf, type Completed, type Known, type Wishes } from "../models/playbook";

export interface PlaybookForm {
  readonly values: Record<string, string>;
  readonly ticked: Ref<string[]>;
  readonly wishes: ComputedRef<Wishes>;
  readonly lacking: Ref<readonly string[]>;
  readonly isReading: Ref<boolean>;
  readonly needsCause: ComputedRef<boolean>;
  readonly needsCauseText: ComputedRef<boolean>;
  /** Begin anew with what is known; plans are read again, since administrators change them. */
  begin(known: Promise<Known>): void;
  /** Mark what lacks something, once it is known what is asked for; whether nothing does. */
  check(): Promise<boolean>;
  told(): Completed;
}

export function usePlaybookForm(category: () => string | null, kind: () => ResultKind | null): PlaybookForm {
  const plans = shallowRef<Plan[]>([]);
  const known = shallowRef<Known>(NOTHING_KNOWN);
  const values = reactive<Record<string, string>>({});
  const ticked = ref<string[]>([]);
  const lacking = ref<readonly string[]>([]);
  const plan = computed(() => planFor(plans.value, category()));
  const now = computed<ResultKind>(() => kind() ?? "withdrawn");
  const wishes = computed(() => wishesOf(plan.value, now.value, values, known.value));
  const isReading = ref(false);
  let begun = 0;
  let reading: Promise<void> = Promise.resolve();

  /** What cannot be read is not asked for: the service still says what is missing. */
  async function read(asked: Promise<Known>): Promise<void> {
    const mine = ++begun;
    isReading.value = true;
    for (const key of Object.keys(values)) delete values[key];
    ticked.value = [];
    lacking.value = [];
    known.value = NOTHING_KNOWN;
    const [found, told] = await Promise.all([readPlans().catch(() => plans.value), asked.catch(() => NOTHING_KNOWN)]);
    if (mine !== begun) return;
    plans.value = found;
    known.value = told;
    for (const [key, value] of Object.entries(told.values)) values[key] ??= value;
    isReading.value = false;
  }

  function begin(asked: Promise<Known>): void {
    reading = read(asked);
  }

  async function check(): Promise<boolean> {
    await reading;
    lacking.value = lacksOf(wishes.value, values, ticked.value);
    return lacking.value.length === 0;
  }

  return {
    values,
    ticked,
    wishes,
    lacking,
    isReading,
    needsCause: computed(() => wants(plan.value, now.value, "cause")),
    needsCauseText: computed(() => wants(plan.value, now.value, "cause_text")),
    begin,
    check,
    told: () => completed(wishes.value, values, ticked.value, known.value),
  };
}
