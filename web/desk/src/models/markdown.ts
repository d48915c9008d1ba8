/** Markdown as plain words, for a channel or a box that knows no formatting. Our articles use few signs; these are they. */
export function asPlainText(markdown: string): string {
  return markdown
    .replace(/!\[([^\]]*)\]\([^)]*\)/g, (_, alt: string) => (alt === "" ? "" : `[${alt}]`))
    .replace(/\[([^\]]+)\]\(([^)\s]+)[^)]*\)/g, "$1($2)")
    .replace(/^\s{0,3}#{1,6}\s+/gm, "")
    .replace(/^\s{0,3}>\s?/gm, "")
    .replace(/^(\s*)[-*+]\s+/gm, "$1· ")
    .replace(/(\*\*|__)(.+?)\1/g, "$2")
    .replace(/(^|[^*])\*([^*\n]+)\*/g, "$1$2")
    .replace(/`([^`]+)`/g, "$1")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}
