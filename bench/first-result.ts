// From import to the first result, in a process that has loaded nothing of latentflow: the built package.
import { testDigits } from "./rig.ts";

const digit = await testDigits(1);
const file = new URL("../demo/decoder.safetensors", import.meta.url);
const library = new URL("../build/lib/index.js", import.meta.url).href;

const start = performance.now();
const { encode, loadDecoder } = (await import(library)) as typeof import("../src/index.ts");
const imported = performance.now();
const decoder = await loadDecoder(file);
const loaded = performance.now();
await encode(decoder, digit);
const first = performance.now();
await encode(decoder, digit);
const second = performance.now();

const parts = [
  `import ${(imported - start).toFixed(1)}`,
  `load the decoder ${(loaded - imported).toFixed(1)}`,
  `first encode ${(first - loaded).toFixed(1)} (a second one takes ${(second - first).toFixed(1)})`,
];
console.log(`import to first result: ${(first - start).toFixed(1)} ms: ${parts.join(", ")}`);
