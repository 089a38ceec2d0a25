// Whether a process that makes one decoder after the other comes to its end. On Node 20 one in six did not, while
// instances of WebAssembly were awaited: the main thread and a compiling one waited for each other for good.
//
//   node test/soak.mjs                    twenty processes, 1,500 decoders each, on the Node that runs this
//   node test/soak.mjs 3                  three of them
//   node test/soak.mjs 3 main/index.js    with another build of the library
//
// A process has hung when it has made no hundred decoders for three minutes.
import { spawn } from "node:child_process";
import { writeSync } from "node:fs";
import { resolve } from "node:path";
import { argv, execPath, stdout } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

const DECODERS = 1500;
const LONGEST_SILENCE = 180_000;
const file = fileURLToPath(import.meta.url);

if (argv[2] === "loop") {
  await loop(argv[3] ?? "");
} else {
  await soak(
    Number(argv[2] ?? 20),
    resolve(argv[3] ?? fileURLToPath(new URL("../build/lib/index.js", import.meta.url))),
  );
}

/**
 * One of the processes. It must not have a timer, which would wake the main thread up.
 * @param {string} library
 */
async function loop(library) {
  const { amd, createDecoder, encode, wasm } = await import(pathToFileURL(library).href);
  const options = { solver: amd({ maxSteps: 3 }), backend: wasm({ threads: 1 }) };
  for (let i = 1; i <= DECODERS; i++) {
    const decoder = createDecoder({ layers: [2, 9, 5], seed: i, outputActivation: "sigmoid", loss: "mse" });
    await encode(decoder, Float32Array.of(0, 0.5, 1, 0.25, 0.75), options);
    if (i % 100 === 0) writeSync(1, ".");
  }
}

/**
 * @param {number} count
 * @param {string} library
 */
async function soak(count, library) {
  let hung = 0;
  let failed = 0;
  for (let i = 1; i <= count; i++) {
    const start = performance.now();
    stdout.write(`${String(i).padStart(3)} of ${count} `);
    const end = await runLoop(library);
    stdout.write(` ${end} after ${((performance.now() - start) / 1000).toFixed(0)} s\n`);
    if (end === "hung") hung++;
    else if (end !== "done") failed++;
  }
  console.log(`${count} processes on Node ${process.versions.node}: ${hung} hung, ${failed} failed`);
  process.exitCode = hung + failed > 0 ? 1 : 0;
}

/**
 * Runs one process, and passes its dots on.
 * @param {string} library
 * @returns {Promise<string>} how it ended
 */
function runLoop(library) {
  return new Promise((resolve) => {
    const child = spawn(execPath, [file, "loop", library], { stdio: ["ignore", "pipe", "inherit"] });
    const hang = () => {
      child.kill("SIGKILL");
      resolve("hung");
    };
    let timer = setTimeout(hang, LONGEST_SILENCE);
    child.stdout.on("data", (dots) => {
      stdout.write(dots);
      clearTimeout(timer);
      timer = setTimeout(hang, LONGEST_SILENCE);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve(code === 0 ? "done" : `failed with ${code ?? signal}`);
    });
  });
}
