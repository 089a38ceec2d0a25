// run: both, alone
import { spawnSync } from "node:child_process";
import fs, { readFileSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { fileURLToPath } from "node:url";
import v8 from "node:v8";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  CASE_CHECKSUMS,
  checksumOfCase,
  REVECTORIZE,
  type Vectors,
  wideKernels,
  widenVectors,
} from "../../src/cli/vectors.ts";
import { createDecoder, type Decoder, encode as encodeSamples } from "../../src/index.ts";
import { Workplace } from "../support/program.ts";
import { randomArray } from "../support/random.ts";
import { runHere } from "../support/run-here.ts";

// `--vectors auto`, the default: V8's flag is set where a self-check finds the bits that are kept, and taken back where it does
// not. Node 20 has no such flag; there the choice says so.

const [major] = process.versions.node.split(".");
const isWide = Number(major) >= 24;
const root = fileURLToPath(new URL("../..", import.meta.url));
const files = new Workplace();
test.after(() => files.dispose());

const decoder = createDecoder({ layers: [2, 9, 12], outputActivation: "sigmoid", loss: "bce", seed: 1 });
const model = `${files.newPath()}.safetensors`;
writeFileSync(model, decoder.toSafetensors());
const data = files.writeFloats(randomArray(1, 3 * 12, 0, 1), [3, 12]);
const encode = (...args: string[]) =>
  runHere("encode", "--decoder", model, "--data", data, "--out", files.newPath(), "--quiet", ...args);

test("a value that --vectors does not have is refused", async () => {
  const { exit, stderr } = await encode("--vectors", "512");
  assert.is(exit, 2);
  assert.match(stderr, /'--vectors <name>' argument '512' is invalid. Allowed choices are 128, auto/);
});

test("with --vectors 128 they have 128 bits, whatever the machine has", async () => {
  const { stdout } = await encode("--vectors", "128", "--threads", "2", "--plain");
  assert.match(stdout, /WASM +│ plain SIMD, 128-bit vectors, \d threads? /);
  const { stdout: json } = await encode("--vectors", "128", "--threads", "1", "--json");
  assert.is(JSON.parse(json).vectors, 128);
});

if (isWide) {
  for (const build of ["plain", "relaxed"] as const) {
    test(`${build}: the fixed case has the bits that are kept of it, with each of the tiles`, async () => {
      const embedded = readFileSync(new URL(`../../build/wasm/${build}.wasm`, import.meta.url));
      for (const binary of [embedded, wideKernels(build)]) {
        const found = await checksumOfCase(new WebAssembly.Module(binary));
        assert.is(found, CASE_CHECKSUMS[build], "meant? then CASE_CHECKSUMS keeps them");
      }
    });
  }

  /**
   * Runs a piece of a program behind `widenVectors`, in a process that says of each function in which V8 looks for pairs.
   *
   * @returns what `widenVectors` returned, and the number of these functions
   */
  const pairsAfter = (expected: string, code: string): { vectors: Vectors; functions: number } => {
    const vectors = new URL("src/cli/vectors.ts", `file://${root}`).href;
    const script = `
      import { setFlagsFromString } from "node:v8";
      import { once } from "node:events";
      import { Worker } from "node:worker_threads";
      import { checksumOfCase, wideKernels, widenVectors } from ${JSON.stringify(vectors)};
      const { module, ...vectors } = await widenVectors("relaxed", ${JSON.stringify(expected)});
      console.error(JSON.stringify(vectors));
      setFlagsFromString("--trace-wasm-revectorize");
      ${code}`;
    const args = ["--import", "tsx", "--input-type=module", "--eval", script];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
    assert.is(status, 0, stderr);
    return { vectors: JSON.parse(stderr), functions: stdout.split("Begin revec function").length - 1 };
  };
  const inThisThread = `await checksumOfCase(new WebAssembly.Module(wideKernels("plain")));`;

  test("where the self-check finds the bits kept, V8 joins vectors from then on", () => {
    const { vectors, functions } = pairsAfter(CASE_CHECKSUMS.relaxed, inThisThread);
    assert.equal(vectors, { bits: 256 });
    assert.ok(functions > 0);
  });

  test("workers that are started afterwards do, too", () => {
    const source = new URL("src/cli/vectors.ts", `file://${root}`).href;
    const work = `import { checksumOfCase, wideKernels } from ${JSON.stringify(source)}; ${inThisThread}`;
    const url = `data:text/javascript,${encodeURIComponent(work)}`;
    const started = `await once(new Worker(new URL(${JSON.stringify(url)}), { execArgv: ["--import", "tsx"] }), "exit");`;
    const { vectors, functions } = pairsAfter(CASE_CHECKSUMS.relaxed, started);
    assert.equal(vectors, { bits: 256 });
    assert.ok(functions > 0);
  });

  test("the self-check compares three runs of one decoder, which it disposes of", async () => {
    for (const changed of [2, 3]) {
      const used: Decoder[] = [];
      const check = checksumOfCase(
        new WebAssembly.Module(wideKernels("plain")),
        async (used1, y, options) => {
          const result = await encodeSamples(used1, y, options);
          if (used.push(used1) === changed) result.z[0]! += 1;
          return result;
        },
      );
      await check.then(assert.unreachable, ({ message }) =>
        assert.is(message, "optimised kernels compute other bits"),
      );
      assert.is(used.length, 3);
      assert.ok(used.every((each) => each === used[0] && each.disposed));
    }
  });

  /** Runs something with functions of Node's or of the platform replaced. */
  const replacing = async <Key extends string>(
    owner: Record<Key, unknown>,
    name: Key,
    value: unknown,
    work: () => Promise<void>,
  ): Promise<void> => {
    const own = Object.getOwnPropertyDescriptor(owner, name)!;
    Object.defineProperty(owner, name, { ...own, value });
    syncBuiltinESMExports();
    try {
      await work();
    } finally {
      Object.defineProperty(owner, name, own);
      syncBuiltinESMExports();
    }
  };
  /** The flags of V8 that something sets, in order. */
  const flagsOf = async (work: () => Promise<void>): Promise<string[]> => {
    const flags: string[] = [];
    const { setFlagsFromString } = v8;
    const record = (flag: string) => setFlagsFromString(flags[flags.push(flag) - 1]!);
    await replacing(v8, "setFlagsFromString", record, work);
    return flags;
  };
  test("the self-check compares the trained parameters, too, and takes its flag back where it fails", async () => {
    let runs = 0;
    const flags = await flagsOf(() =>
      checksumOfCase(new WebAssembly.Module(wideKernels("plain")), async (used, y, options) => {
        const result = await encodeSamples(used, y, options);
        // What the last run has encoded is as it was; its training alone sees another value.
        if (++runs === 3) (y as Float32Array)[0] = 1;
        return result;
      }).then(assert.unreachable, ({ message }) =>
        assert.is(message, "optimised kernels compute other bits"),
      ),
    );
    assert.is(runs, 3);
    assert.equal(flags, ["--wasm-sync-tier-up", "--no-wasm-sync-tier-up"]);
  });

  test("the kernels for 256 bits are those with tiles for them", () => {
    for (const build of ["plain", "relaxed"] as const) {
      const built = readFileSync(new URL(`../../build/wasm/${build}-wide.wasm`, import.meta.url));
      assert.is(Buffer.compare(wideKernels(build), built), 0, build);
    }
  });

  test("where it fails, the flag is taken back, and the reason kept", async () => {
    class Module {
      constructor() {
        throw new Error("no memory");
      }
    }
    const flags = await flagsOf(() =>
      replacing(WebAssembly, "Module", Module, async () => {
        const reason = "the self-check failed: no memory";
        assert.equal(await widenVectors("plain", CASE_CHECKSUMS.plain), { bits: 128, reason });
      }),
    );
    assert.equal(flags, [REVECTORIZE, "--no-experimental-wasm-revectorize"]);
  });

  /** Takes back the flag that an earlier test has left. */
  const narrow = () => encode("--vectors", "128");

  test("a processor without AVX2, or of another kind, is not tried", async () => {
    await narrow();
    const refused = async (reason: string) =>
      assert.equal(await widenVectors("plain", CASE_CHECKSUMS.plain), { bits: 128, reason });
    const flags = await flagsOf(async () => {
      await replacing(process, "arch", "arm64", () => refused("256 need a processor of x64, this is arm64"));
      if (process.platform !== "linux") return;
      const without = () => "flags : sse4_2 avx f16c";
      await replacing(fs, "readFileSync", without, () => refused("256 need a processor with AVX2"));
    });
    assert.equal(flags, []);
  });

  test("without a fused multiply-add the plain build is chosen", () => {
    const vectors = new URL("src/cli/vectors.ts", `file://${root}`).href;
    const script = `
      import { chooseVectors, chosenVectors } from ${JSON.stringify(vectors)};
      await chooseVectors("auto", false);
      console.log(JSON.stringify(chosenVectors()));`;
    const args = ["--no-enable-avx", "--import", "tsx", "--input-type=module", "--eval", script];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
    const reason = "256 are not possible in Node started with --no-enable-avx";
    const expected = { build: "plain", bits: 128, reason };
    assert.is(stdout, `${JSON.stringify(expected)}\n`, stderr);
  });

  test("where the list of a processor's features cannot be read, the self-check decides", async () => {
    const read = fs.readFileSync;
    const unreadable = (...[path, ...options]: Parameters<typeof read>) => {
      if (path === "/proc/cpuinfo") throw new Error("EACCES");
      return read(path, ...options);
    };
    await replacing(fs, "readFileSync", unreadable, async () =>
      assert.is((await widenVectors("plain", CASE_CHECKSUMS.plain)).bits, 256),
    );
  });

  test("Node's own flags are respected: one that excludes 256 bits, one that sets them, one that the self-check sets", async () => {
    const flagsWith = (flag: string, ...args: string[]) =>
      flagsOf(() =>
        replacing(process, "execArgv", [flag], async () => {
          const { stdout } = await encode("--threads", "1", "--plain", "--json", ...args);
          reports.push(JSON.parse(stdout));
        }),
      );
    const reports: { vectors: number; vectorsReason?: string }[] = [];
    await narrow();
    for (const flag of [
      "--no-experimental-wasm-revectorize",
      "--liftoff_only",
      "--freeze-flags-after-init",
      "--no-wasm-tier-up",
      "--noenable-avx2",
    ]) {
      assert.equal(await flagsWith(flag), [], flag);
      const { vectors, vectorsReason } = reports.at(-1)!;
      assert.is(vectors, 128);
      const usual = flag.replace("_", "-").replace(/--no-?/, "--no-");
      assert.is(vectorsReason, `256 are not possible in Node started with ${usual}`);
    }
    assert.equal(await flagsWith(REVECTORIZE, "--vectors", "128"), ["--no-experimental-wasm-revectorize"]);
    assert.is(reports.at(-1)!.vectors, 128);
    assert.equal(await flagsWith("--wasm-sync-tier-up"), [REVECTORIZE, "--wasm-sync-tier-up"]);
    assert.is(reports.at(-1)!.vectors, 256);
  });

  test("where it finds other bits, the flag is taken back", () => {
    const { vectors, functions } = pairsAfter("00000000", inThisThread);
    assert.equal(vectors, { bits: 128, reason: "the self-check found other bits" });
    assert.is(functions, 0);
  });

  test("the report says that vectors have 256 bits, as a table and in JSON", async () => {
    const flags = await flagsOf(async () => {
      const { stdout } = await encode("--plain", "--threads", "1");
      assert.match(stdout, /WASM +│ plain SIMD, 256-bit vectors, 1 thread /);
    });
    assert.equal(flags, [REVECTORIZE, "--wasm-sync-tier-up", "--no-wasm-sync-tier-up"]);
    const { stdout: json } = await encode("--vectors", "auto", "--threads", "1", "--json");
    assert.is(JSON.parse(json).vectors, 256);
  });

  test("the self-check is of the build that runs", async () => {
    for (const [build, ...args] of [["plain", "--plain"], ["plain", "--part", "0/1"], ["relaxed"]] as const) {
      const compiled: Uint8Array[] = [];
      class Module {
        constructor(bytes: Uint8Array) {
          compiled.push(bytes);
          throw new Error("seen");
        }
      }
      await replacing(WebAssembly, "Module", Module, async () => {
        await encode("--threads", "1", ...args);
      });
      assert.is(Buffer.compare(compiled[0]!, wideKernels(build)), 0, args.join(" "));
    }
  });
} else {
  test("an older Node stays at 128 bits, and the report says why", async () => {
    assert.equal(await widenVectors("plain", CASE_CHECKSUMS.plain), {
      bits: 128,
      reason: `256 need Node 24 or later, this is ${process.versions.node}`,
    });
    const { stdout } = await encode("--plain", "--threads", "1");
    assert.match(
      stdout,
      /WASM +│ plain SIMD, 128-bit vectors \(256 need Node 24 or later, this is [\d.]+\), 1 thread /,
    );
  });
}

test.run();
