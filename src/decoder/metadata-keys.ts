// The keys of a file's metadata, whose meaning is in metadata.ts, and which of them a misspelt one seems to mean.

/** The option of `loadDecoder` that overrides each key, if one does. */
const OPTIONS = {
  activation: "activation",
  outputActivation: "outputActivation",
  loss: "loss",
  reduction: "loss",
  prior: "prior",
  start: "start",
  outputShape: "outputShape",
  latentSize: undefined,
  batchNorm: "batchNorm",
  batchNormEpsilon: "batchNormEpsilon",
} as const;

/** A key that metadata.ts reads. */
export type Key = keyof typeof OPTIONS;

const KEYS = /* @__PURE__ */ Object.keys(OPTIONS) as readonly Key[];

/** An option that overrides one of them or more. */
export type OptionKey = NonNullable<(typeof OPTIONS)[Key]>;

/** Of a key that is none of ours and seems to mean one of them: what to write in its place. */
export function meantBy(
  key: string,
): { readonly expected: string; readonly option: OptionKey | undefined } | undefined {
  if ((KEYS as readonly string[]).includes(key)) return undefined;
  const text = bare(key);
  const near = KEYS.find((known) => distance(bare(known), text) <= (known.length > 5 ? 2 : 1));
  if (near) return { expected: `"${near}"`, option: OPTIONS[near] };
  if (text.includes("activation")) {
    return { expected: '"activation" (between the layers) or "outputActivation"', option: "activation" };
  }
  if (/^(z0|meancode)$/.test(text)) return { expected: '"start"', option: "start" };
  if (/^((negative)?slope|alpha|frequency)$/.test(text)) {
    const json = '"activation": \'{"name": "leakyRelu", "slope": 0.2}\'';
    return { expected: `it with its activation, as JSON: ${json}`, option: "activation" };
  }
  return undefined;
}

/** How many characters have to be put in, taken out or changed to make one text of another. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** Without what capitals and separators make different. */
export function bare(name: string): string {
  return name.toLowerCase().replaceAll(/[_\-\s]/g, "");
}
