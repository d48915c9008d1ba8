/** The few parts of ECharts that our charts use, drawn on a canvas in the page's own colours. */
import { BarChart, FunnelChart, HeatmapChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import { init, use, type EChartsCoreOption } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([BarChart, FunnelChart, HeatmapChart, GridComponent, LegendComponent, TooltipComponent, VisualMapComponent, CanvasRenderer]);

/** An option that may name our colours as `var(--name)`; a canvas cannot, so they are read when drawn. */
export type Option = EChartsCoreOption;
export interface Drawn {
  resize(): void;
  dispose(): void;
}

export function draw(box: HTMLElement, option: Option): Drawn {
  const style = getComputedStyle(document.documentElement);
  const chart = init(box, null, { renderer: "canvas" });
  const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const text = { color: "var(--text-muted)", fontFamily: style.getPropertyValue("--font-ours"), fontSize: 12 };
  const whole = {
    animation: !isCalm,
    animationDuration: 160,
    textStyle: text,
    // Tooltips are drawn on the canvas too: ones made of HTML would need inline styles.
    tooltip: { renderMode: "richText", backgroundColor: "var(--surface-raised)", borderColor: "var(--line-strong)", textStyle: { ...text, color: "var(--text)" } },
    ...option,
  };
  chart.setOption(coloured(whole, style) as Option);
  return { resize: () => chart.resize(), dispose: () => chart.dispose() };
}

function coloured(value: unknown, style: CSSStyleDeclaration): unknown {
  if (typeof value === "string") return value.replace(/var\((--[a-z0-9-]+)\)/g, (_, name: string) => resolve(name, style));
  if (Array.isArray(value)) return value.map((one) => coloured(one, style));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, coloured(one, style)]));
}

/** Meanings point at scales; the browser has followed that already when it computed the value. */
function resolve(name: string, style: CSSStyleDeclaration): string {
  const value = style.getPropertyValue(name).trim();
  return value === "" ? "#888888" : value;
}
