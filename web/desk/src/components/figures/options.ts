/** The figures as charts: pure functions of what the gateway told. */
import type { Overview, Share } from "../../api/figures";
import type { Option } from "./echarts";

const AXIS = { axisLine: { lineStyle: { color: "var(--line-strong)" } }, axisTick: { show: false }, axisLabel: { color: "var(--text-muted)" } };
const VALUES = { type: "value", splitLine: { lineStyle: { color: "var(--line)" } }, axisLabel: { color: "var(--text-muted)" }, minInterval: 1 };
const GRID = { left: 8, right: 16, top: 28, bottom: 4, containLabel: true };
const TIER_COLOURS = ["var(--brand-300)", "var(--brand-600)", "var(--amber-500)"];

export function volume(overview: Overview, tierNames: readonly string[]): Option {
  return {
    grid: GRID,
    color: TIER_COLOURS,
    legend: { top: 0, right: 0, itemWidth: 10, itemHeight: 10, icon: "roundRect", textStyle: { color: "var(--text-muted)" } },
    xAxis: { type: "category", data: overview.volume.map((one) => (overview.period.bucket === "month" ? one.bucket.slice(0, 7) : one.bucket.slice(5))), ...AXIS },
    yAxis: VALUES,
    tooltip: { trigger: "axis", renderMode: "richText" },
    series: tierNames.map((name, at) => ({
      name, type: "bar", stack: "all", barMaxWidth: 28, data: overview.volume.map((one) => [one.tier_1, one.tier_2, one.tier_3][at]),
    })),
  };
}

/** Horizontal bars, the largest on top, with a target line where there is one. */
export function bars(rows: readonly Share[], colour = "var(--brand-500)"): Option {
  const shown = [...rows].reverse();
  return {
    grid: { ...GRID, top: 12, right: 40 },
    color: [colour],
    xAxis: VALUES,
    yAxis: { type: "category", data: shown.map((row) => row.name ?? row.key), ...AXIS, axisLabel: { color: "var(--text-muted)", width: 130, overflow: "truncate" } },
    tooltip: { trigger: "axis", renderMode: "richText" },
    series: [{
      type: "bar", barMaxWidth: 18, data: shown.map((row) => row.count), itemStyle: { borderRadius: [0, 3, 3, 0] },
      label: { show: true, position: "right", color: "var(--text-muted)" },
    }],
  };
}

/** From all matters to the few at the top, each step under the one it is part of. */
export function funnel(rows: readonly Share[]): Option {
  const all = Math.max(1, rows[0]?.count ?? 0);
  return {
    color: ["var(--brand-300)", "var(--brand-500)", "var(--amber-500)", "var(--red-500)"],
    tooltip: { trigger: "item", renderMode: "richText" },
    series: [{
      type: "funnel", sort: "none", left: "4%", right: "42%", top: 8, bottom: 8, minSize: "3%", gap: 3, min: 0, max: all,
      // Words stand beside the steps: the last ones are too narrow to hold any.
      label: { position: "right", color: "var(--text)", formatter: "{b}  {c}" },
      labelLine: { length: 12, lineStyle: { color: "var(--line-strong)" } },
      itemStyle: { borderWidth: 0 },
      data: rows.map((row) => ({ name: row.name ?? row.key, value: row.count })),
    }],
  };
}

export function hours(hourOfWeek: readonly (readonly number[])[], dayNames: readonly string[]): Option {
  const cells = hourOfWeek.flatMap((day, weekday) => day.map((count, hour) => [hour, dayNames.length - 1 - weekday, count]));
  return {
    grid: { ...GRID, top: 8 },
    xAxis: { type: "category", data: Array.from({ length: 24 }, (_, hour) => String(hour)), ...AXIS },
    yAxis: { type: "category", data: [...dayNames].reverse(), ...AXIS },
    tooltip: { renderMode: "richText" },
    visualMap: { show: false, min: 0, max: Math.max(1, ...cells.map((cell) => cell[2] ?? 0)), inRange: { color: ["var(--ink-50)", "var(--brand-200)", "var(--brand-600)"] } },
    series: [{ type: "heatmap", data: cells, itemStyle: { borderColor: "var(--surface)", borderWidth: 2, borderRadius: 3 } }],
  };
}
