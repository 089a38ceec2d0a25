// run: both
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  canShareMemory,
  newMemory,
  takesSharedMemory,
  withSharedMemory,
} from "../../src/kernels/shared-memory.ts";
import { builds, plain, wideBuilds } from "../support/builds.ts";

const NAME = "shared memory";
const binaryOf = (name: string) => readFileSync(new URL(`../../build/wasm/${name}.wasm`, import.meta.url));

/** Sections of a binary: their numbers and contents. */
function sectionsOf(binary: Uint8Array): [number, string][] {
  const sections: [number, string][] = [];
  for (let at = 8; at < binary.length; ) {
    const id = binary[at++]!;
    let size = 0;
    for (let shift = 0, byte = 128; byte >= 128; shift += 7) {
      byte = binary[at++]!;
      size += (byte % 128) * 2 ** shift;
    }
    sections.push([id, Buffer.from(binary.subarray(at, at + size)).toString("latin1")]);
    at += size;
  }
  return sections;
}

for (const name of ["plain", "relaxed"]) {
  test(`${name} is changed in its import, and has one section more`, () => {
    const binary = binaryOf(name);
    const changed = withSharedMemory(binary);
    const [before, after] = [sectionsOf(binary), sectionsOf(changed)];
    assert.equal(after.pop(), [0, `${String.fromCharCode(NAME.length)}${NAME}`]);
    assert.is(after.length, before.length);
    const differing = after.filter(([id, content], i) => id !== before[i]![0] || content !== before[i]![1]);
    assert.equal(
      differing.map(([id]) => id),
      [2],
    );
    const [memory, ...more] = WebAssembly.Module.imports(new WebAssembly.Module(changed));
    assert.equal([memory, more], [{ module: "env", name: "memory", kind: "memory" }, []]);
    assert.equal(sectionsOf(binary), before, "what was given stays");
  });
}

test("a module gets a memory of its kind", () => {
  const shared = new WebAssembly.Module(withSharedMemory(binaryOf("plain")));
  const debug = builds.filter(({ name }) => name === "debug").map(({ module }) => module);
  for (const module of [shared, ...debug, ...wideBuilds.map((build) => build.module)]) {
    assert.ok(takesSharedMemory(module));
    assert.instance(newMemory(module).buffer, SharedArrayBuffer);
    new WebAssembly.Instance(module, { env: { memory: newMemory(module) } });
  }
  assert.not(takesSharedMemory(plain.module));
  assert.instance(newMemory(plain.module).buffer, ArrayBuffer);
});

test("where the largest memory cannot be reserved, a smaller one is taken; one of no size is an error", () => {
  const { module } = wideBuilds[0]!;
  const { Memory } = WebAssembly;
  const asked: number[] = [];
  let most = 5000;
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      asked.push(descriptor.maximum!);
      if (descriptor.maximum! > most) throw new RangeError("could not allocate memory");
      super(descriptor);
    }
  };
  try {
    const memory = newMemory(module);
    assert.equal(asked, [65536, 32768, 16384, 8192, 4096]);
    new WebAssembly.Instance(module, { env: { memory } });
    most = 0;
    assert.throws(() => newMemory(module), /could not allocate memory/);
  } finally {
    WebAssembly.Memory = Memory;
  }
});

test("memory is shared in Node, else in pages that are cross-origin isolated", () => {
  assert.ok(canShareMemory());
  const { process } = globalThis;
  const isolated = Object.getOwnPropertyDescriptor(globalThis, "crossOriginIsolated");
  const set = (name: string, value: unknown) =>
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  try {
    set("process", undefined);
    for (const [value, expected] of [
      [false, false],
      [true, true],
      [undefined, true],
    ] as const) {
      set("crossOriginIsolated", value);
      assert.is(canShareMemory(), expected, `${value}`);
    }
  } finally {
    set("process", process);
    if (isolated) Object.defineProperty(globalThis, "crossOriginIsolated", isolated);
    else Reflect.deleteProperty(globalThis, "crossOriginIsolated");
  }
});

test.run();
