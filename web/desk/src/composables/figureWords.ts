/** Values of figures in words. */
import { useI18n } from "vue-i18n";
import type { Unit } from "../api/figures";
import { changeOf, durationOf } from "../models/figures";

export interface FigureWords {
  value(value: number | null, unit: Unit): string;
  change(unit: Unit, value: number | null, before: number | null): string | null;
}

export function useFigureWords(): FigureWords {
  const { t } = useI18n();
  function value(amount: number | null, unit: Unit): string {
    if (amount === null) return "—";
    if (unit === "share") return `${(amount * 100).toFixed(1)}%`;
    if (unit === "score") return `${amount > 0 ? "+" : ""}${amount.toFixed(0)}`;
    if (unit === "count") return Math.round(amount).toLocaleString("en-US");
    const { key, a, b } = durationOf(amount);
    return t(b === 0 ? `figures.duration.${key}Whole` : `figures.duration.${key}`, { a, b });
  }
  function change(unit: Unit, now: number | null, before: number | null): string | null {
    const found = changeOf(unit, now, before);
    if (found === null) return null;
    const amount = Math.abs(found.amount);
    const said = amount < 100 ? amount.toFixed(1) : amount.toFixed(0);
    if (Number(said) === 0) return t("figures.change.same");
    return t(`figures.change.${found.amount > 0 ? "up" : "down"}${found.isPoints ? "Points" : ""}`, { amount: said });
  }
  return { value, change };
}
