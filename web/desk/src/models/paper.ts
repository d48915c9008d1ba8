/** The few signs of Markdown that a house's own text uses, as blocks of runs; never as HTML. */

export interface Run {
  text: string;
  bold: boolean;
}

export interface Block {
  kind: "heading" | "numbers" | "points" | "words";
  lines: Run[][];
}

export function runsOf(line: string): Run[] {
  return line
    .split("**")
    .map((text, at, all) => ({ text: at % 2 === 1 && at === all.length - 1 ? `**${text}` : text, bold: at % 2 === 1 && at < all.length - 1 }))
    .filter((run) => run.text !== "");
}

export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let joins = false;
  for (const raw of markdown.split("\n")) {
    const line = raw.trim();
    if (line === "") {
      joins = false;
      continue;
    }
    const heading = /^#{1,6}\s+(.*)$/.exec(line);
    const item = /^(?:(\d+)[.、)]|[-*+])\s+(.*)$/.exec(line);
    const kind = heading ? "heading" : item ? (item[1] === undefined ? "points" : "numbers") : "words";
    const runs = runsOf(heading?.[1] ?? item?.[2] ?? line);
    const last = blocks.at(-1);
    if (last?.kind === kind && (kind === "numbers" || kind === "points")) last.lines.push(runs);
    else if (last?.kind === "words" && kind === "words" && joins) last.lines[0]?.push({ text: "\n", bold: false }, ...runs);
    else blocks.push({ kind, lines: [runs] });
    joins = true;
  }
  return blocks;
}
