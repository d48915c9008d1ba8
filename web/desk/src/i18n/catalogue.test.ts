import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import en from "./en";
import zh from "./zh-CN";

function keysOf(tree: object, above = ""): string[] {
  return Object.entries(tree).flatMap(([key, value]: [string, unknown]) =>
    typeof value === "object" && value !== null ? keysOf(value, `${above}${key}.`) : [`${above}${key}`],
  );
}

function filesOf(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesOf(path) : /\.(vue|ts)$/.test(name) ? [path] : [];
  });
}

it("says everything in both languages, with the same parameters", () => {
  expect(keysOf(en)).toEqual(keysOf(zh));
  const parameters = (tree: object): string[] => JSON.stringify(tree).match(/\{\w+\}/g)?.sort() ?? [];
  for (const key of Object.keys(zh) as (keyof typeof zh)[]) {
    expect(new Set(parameters(en[key]))).toEqual(new Set(parameters(zh[key])));
  }
});

it("has every text that a page asks for by name", () => {
  const known = new Set(keysOf(zh));
  const missing = filesOf(resolve(import.meta.dirname, ".."))
    .flatMap((path) => [...readFileSync(path, "utf8").matchAll(/\bt\(\s*["']([\w.]+)["']/g)].map((found) => `${found[1]}`))
    .filter((key) => !known.has(key));
  expect(missing).toEqual([]);
});
