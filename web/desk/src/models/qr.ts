/** A QR code as one SVG path, drawn in the browser: a second factor's secret is shown to nobody else. */

export interface Qr {
  readonly size: number;
  readonly path: string;
}

/** Readers want a quiet margin of four modules. */
const MARGIN = 4;

export async function drawQr(text: string): Promise<Qr> {
  const { default: qrcode } = await import("qrcode-generator");
  const code = qrcode(0, "M");
  code.addData(text, "Byte");
  code.make();
  const count = code.getModuleCount();
  const parts: string[] = [];
  for (let row = 0; row < count; row += 1) {
    for (let column = 0; column < count; column += 1) {
      if (code.isDark(row, column)) parts.push(`M${column + MARGIN} ${row + MARGIN}h1v1h-1z`);
    }
  }
  return { size: count + 2 * MARGIN, path: parts.join("") };
}
