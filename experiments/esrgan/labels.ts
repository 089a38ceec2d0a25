import { decode } from "fast-png";
import { renderPng } from "../../reproduce/chart.ts";

/** Pixels above the tiles, for their labels. */
const TOP = 24;

/** Writes a label above each tile of a row that is drawn already, and returns the PNG. */
export function withLabels(png: Uint8Array, labels: readonly string[]): Uint8Array {
  const { width, height } = decode(png);
  const texts = labels.map(
    (label, i) =>
      `<text x="${((i + 0.5) * width) / labels.length}" y="17" text-anchor="middle" font-family="DejaVu Sans" font-size="14">${label}</text>`,
  );
  const href = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
  return renderPng(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height + TOP}"><rect width="100%" height="100%" fill="#fff"/>
${texts.join("\n")}
<image x="0" y="${TOP}" width="${width}" height="${height}" href="${href}"/></svg>`,
    width,
  );
}
