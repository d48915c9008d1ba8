/** Cut a text at its marks. The gateway counts whole characters, JavaScript halves of some; so characters are spread first. */

export interface Piece {
  text: string;
  isMarked: boolean;
}

export function piecesOf(text: string, marks: readonly (readonly [number, number])[]): Piece[] {
  const signs = [...text];
  const pieces: Piece[] = [];
  let at = 0;
  for (const [start, end] of marks) {
    if (start < at || end <= start) continue;
    if (start > at) pieces.push({ text: signs.slice(at, start).join(""), isMarked: false });
    pieces.push({ text: signs.slice(start, end).join(""), isMarked: true });
    at = end;
  }
  if (at < signs.length) pieces.push({ text: signs.slice(at).join(""), isMarked: false });
  return pieces;
}
