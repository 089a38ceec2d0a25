// Reads what `node --print-wasm-code` prints: the machine code that V8 has made of each function of a module.

/** Optimised code of one function. */
export interface OptimisedCode {
  /** Index of the function in its module. */
  readonly index: number;
  /** Arithmetic vector instructions of the innermost loops, by their width. */
  readonly wide: number;
  readonly narrow: number;
  /** The code without addresses: equal where V8 has made the same of a function twice. */
  readonly text: string;
}

interface Instruction {
  readonly at: number;
  readonly text: string;
}

const ARITHMETIC = /^v(add|sub|mul|div|min|max|fn?madd\d+|fn?msub\d+)p[sd] /;

/** Optimised codes in a print, in their order. */
export function* optimisedCodes(print: string): Generator<OptimisedCode> {
  for (const part of print.split("--- WebAssembly code ---").slice(1)) {
    const [block = ""] = part.split("--- End code ---");
    const [, kind] = /^kind: (.*)$/m.exec(block) ?? [];
    const [, compiler] = /^compiler: (.*)$/m.exec(block) ?? [];
    const [, index] = /^index: (\d+)$/m.exec(block) ?? [];
    if (kind !== "wasm function" || compiler !== "TurboFan" || index === undefined) continue;
    const instructions = readInstructions(block);
    const inner = innermostLoops(instructions).flatMap(([first, last]) =>
      instructions.filter(({ at, text }) => at >= first && at <= last && ARITHMETIC.test(text)),
    );
    const wide = inner.filter(({ text }) => text.includes("ymm")).length;
    const text = instructions.map((each) => each.text.replace(/0x[0-9a-f]{6,}/g, "")).join("\n");
    yield { index: Number(index), wide, narrow: inner.length - wide, text };
  }
}

function readInstructions(block: string): Instruction[] {
  const lines = block.matchAll(/^0x[0-9a-f]+ +([0-9a-f]+) +[0-9a-f]+ +(.*)$/gm);
  return Array.from(lines, ([, at, text]) => ({ at: Number.parseInt(at!, 16), text: text! }));
}

/** Places of the first and the last instruction of each loop that has none inside. */
function innermostLoops(instructions: readonly Instruction[]): [first: number, last: number][] {
  const loops = instructions.flatMap(({ at, text }): [number, number][] => {
    const [, target] = /^j\w+ 0x[0-9a-f]+ +<\+0x([0-9a-f]+)>/.exec(text) ?? [];
    const first = Number.parseInt(target ?? "", 16);
    return first <= at ? [[first, at]] : [];
  });
  return loops.filter(
    ([first, last]) => !loops.some(([a, b]) => (a !== first || b !== last) && a >= first && b <= last),
  );
}
