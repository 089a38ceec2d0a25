// run: alone
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { BroadcastChannel, Worker } from "node:worker_threads";
import { build } from "esbuild";
import ts from "typescript";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { closeWorkers, createDecoder, encode, wasm } from "../../src/index.ts";
import { type Frame, markCrossings, WAYS, type Way, watchWays } from "../support/crossings.ts";
import { randomArray } from "../support/random.ts";

// The way of a call from `encode` into WebAssembly: few functions, none of which only passes on, and no file entered twice.

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "latentflow-way-"));
test.after(() => rmSync(folder, { recursive: true }));

const workerFile = join(folder, "worker.mjs");
await build({
  entryPoints: [join(root, "test/support/watched-worker.ts")],
  outfile: workerFile,
  absWorkingDir: root,
  bundle: true,
  format: "esm",
  platform: "node",
  ignoreAnnotations: true,
});
const workerLines = readFileSync(workerFile, "utf8").split("\n");

/** A function of ours on a way. */
interface Step {
  readonly name: string;
  /** Its file in src/. */
  readonly file: string;
}

/**
 * The function of a frame; undefined if it is none of src/, or has no name: it is a part of the one that it is written in. Of the
 * worker's bundle esbuild says which file a line is from.
 */
function stepOf({ name, url, line }: Frame): Step | undefined {
  if (!/^file:/.test(url)) return undefined;
  const path = fileURLToPath(url);
  // The inspector names compiled files.
  let file = relative(root, path)
    .replaceAll("\\", "/")
    .replace(/^build\/test\/(.*)\.js$/, "$1");
  if (path === workerFile) {
    const start = workerLines.findLastIndex((text, i) => i <= line && /^\/\/ (src|test)\//.test(text));
    file = workerLines[start]!.slice(3);
  }
  // The door of a public function names it in errors, and is no step.
  const isOnWay = file.startsWith("src/") && file !== "src/base/calling.ts";
  // V8 has the class or the receiver before a method's name, too.
  return name !== "" && isOnWay ? { name: name.split(".").at(-1)!, file: file.slice(4) } : undefined;
}

/** The functions of ours on a way, from the outermost on. A function that awaits again and again counts once. */
function stepsOf({ frames }: Way): Step[] {
  const steps: Step[] = [];
  for (const part of [...frames].reverse()) {
    const known = [...steps];
    for (const frame of [...part].reverse()) {
      const step = stepOf(frame);
      if (!step) continue;
      const at = known.findIndex(({ name, file }) => name === step.name && file === step.file);
      if (at < 0) steps.push(step);
      else known.splice(at, 1);
    }
  }
  return steps;
}

/** Does a function do nothing but call another one with its own arguments? */
function onlyPassesOn({ name, file }: Step): boolean {
  const source = ts.createSourceFile(
    file,
    readFileSync(join(root, "src", file), "utf8"),
    ts.ScriptTarget.ESNext,
    true,
  );
  const found: ts.FunctionLikeDeclaration[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && "body" in node && node.body) {
      const named = (node.name ?? (node.parent as { readonly name?: ts.Node }).name)?.getText();
      if (named === name) found.push(node);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  assert.ok(found.length > 0, `${name} is a function of ${file}`);
  return found.some(({ body, parameters }) => {
    const statement = body && ts.isBlock(body) ? body.statements : [body as ts.Expression];
    if (statement.length !== 1) return false;
    let node: ts.Node | undefined = statement[0];
    if (node && (ts.isReturnStatement(node) || ts.isExpressionStatement(node))) node = node.expression;
    if (node && ts.isAwaitExpression(node)) node = node.expression;
    if (!node || !ts.isCallExpression(node)) return false;
    const own = parameters.map((parameter) => parameter.name.getText());
    return node.arguments.every((argument) => own.includes(argument.getText().replace(/^\.\.\./, "")));
  });
}

function check(what: string, steps: readonly Step[], most: number): void {
  const shown = steps.map(({ name, file }) => `${name} (${file})`).join(" → ");
  console.log(`${what}: ${steps.length}: ${shown}`);
  assert.is(steps[0]?.name, "encode", shown);
  assert.ok(steps.length <= most, `${steps.length} functions, at most ${most}: ${shown}`);
  assert.equal(steps.filter(onlyPassesOn), [], `none only passes on: ${shown}`);
  const files = steps.map(({ file }) => file).filter((file, i, all) => file !== all[i - 1]);
  assert.is(new Set(files).size, files.length, `no file is entered twice: ${shown}`);
}

const newDecoder = () =>
  createDecoder({ layers: [3, 8, 12], outputActivation: "sigmoid", loss: "bce", seed: 1 });
const y = randomArray(1, 40 * 12, 0, 1);

const ways = new Map<string, Way>();
const { mark, stop } = watchWays((way) => {
  ways.set(way.mark, way);
});
test.after(stop);
markCrossings(mark);

test("on one thread: to the weights' packing, and to the samples' first passes", async () => {
  await encode(newDecoder(), y, { backend: wasm({ threads: 1 }) });
  for (const name of ["pack", "solverRun"]) check(`one thread, ${name}`, stepsOf(ways.get(name)!), 5);
  // Before it there is `f` of the module that shows whether a multiply-add is fused.
  const first = [...ways.keys()].find((name) => name !== "f");
  assert.is(first, "pack", "which is the first crossing of all");
});

test("with threads: by way of a message to a worker's passes", async () => {
  let isWatched = false;
  const inWorker = new Map<string, Way>();
  const channel = new BroadcastChannel(WAYS);
  channel.onmessage = (event) => {
    const way = (event as { readonly data: Way }).data;
    inWorker.set(way.mark, way);
  };
  const start = () => {
    const worker = new Worker(pathToFileURL(workerFile));
    const { postMessage } = worker;
    worker.postMessage = (message: { readonly name?: string }, ...rest) => {
      if (isWatched && message.name === "solverRun" && !ways.has("run")) mark("run");
      postMessage.call(worker, message, ...rest);
    };
    return worker;
  };
  const options = { backend: wasm({ threads: 2, worker: start as never }) };
  // Once before: a worker that is still starting is given samples by the event that says that it has started.
  await encode(newDecoder(), y, options);
  isWatched = true;
  ways.clear();
  const { backend } = await encode(newDecoder(), y, options);
  assert.is(backend.threads, 2, backend.reason);
  while (!inWorker.has("solverRun")) await new Promise((resolve) => setTimeout(resolve, 5));
  channel.close();
  await closeWorkers();
  const here = stepsOf(ways.get("run")!);
  check("two threads, in both", [...here, ...stepsOf(inWorker.get("solverRun")!)], 9);
});

test.run();
