// run: first
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { test } from "uvu";
import * as assert from "uvu/assert";

// "How to add" in CONTRIBUTING.md lists the files of each kind. They have to exist. A dummy of each kind is added, in memory, and
// the compiler has to name those files that the list says it names, and no others.

const root = fileURLToPath(new URL("../..", import.meta.url));
const { options, fileNames } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile).config,
  ts.sys,
  root,
);
/** The library, and what the tests and the documentation have of each kind. */
const files = fileNames.filter((name) =>
  /\/src\/|\/scripts\/status-texts\.ts$|\/test\/support\/(reference|pointwise|solvers|prior-reference|operation-reference|operation-kinds)\.ts$/.test(
    name,
  ),
);
const host = ts.createIncrementalCompilerHost(options);

/** A change by which one kind more is there, and what the compiler has to say of it. */
interface Dummy {
  readonly kind: string;
  /** Its name, which errors say. */
  readonly name: string;
  readonly file: string;
  readonly before: string;
  readonly after: string;
  readonly named: readonly string[];
}

/**
 * The files that do not compile once every dummy is there, by the dummies whose names an error says. An error that says
 * none is that of the dummy added to its file, or else the first one's.
 */
function filesNamed(dummies: readonly Dummy[]): string[][] {
  const changed = new Map<string, string>();
  for (const { file, before, after } of dummies) {
    const text = changed.get(file) ?? readFileSync(join(root, file), "utf8");
    assert.ok(text.includes(before), `${file} has ${before}`);
    changed.set(file, text.replaceAll(before, after));
  }
  const placeOf = (path: string) => relative(root, path).replaceAll("\\", "/");
  const program = ts.createProgram(files, options, {
    ...host,
    getSourceFile(path, languageVersion) {
      const text = changed.get(placeOf(path));
      return text === undefined
        ? host.getSourceFile(path, languageVersion)
        : ts.createSourceFile(path, text, languageVersion);
    },
  });
  const named = new Map(dummies.map((dummy) => [dummy, new Set<string>()] as const));
  for (const { file, code, messageText } of ts.getPreEmitDiagnostics(program)) {
    // A parameter without a type follows from another error of its file.
    if (!file || code === 7006) continue;
    const text = ts.flattenDiagnosticMessageText(messageText, "\n");
    const place = placeOf(file.fileName);
    // A type in an error has the literals of other dummies, too, such as all statuses.
    const [said] = [
      dummies.filter(({ name }) => text.replace(/"\w+"/g, "").includes(name)),
      dummies.filter(({ name }) => text.includes(name)),
      dummies.filter((dummy) => dummy.file === place),
      dummies.slice(0, 1),
    ].filter((those) => those.length > 0);
    for (const dummy of said!) named.get(dummy)!.add(place);
  }
  return [...named.values()].map((places) => [...places].sort());
}

const contributing = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");

/** What the text says of one kind. */
function bullet(kind: string): string {
  const start = contributing.indexOf(`- **${kind}**`);
  assert.ok(start >= 0, kind);
  return contributing.slice(start, contributing.indexOf("\n- **", start + 1));
}

// All in one compilation, which takes seconds. The loss comes first: the reference has errors for it that name nothing.
const dummies = [
  {
    kind: "A loss",
    name: "dummyLoss",
    file: "src/terms/losses.ts",
    before: '  readonly squaredError: "mse";',
    after: '  readonly squaredError: "mse";\n  readonly dummyLoss: "dummyLoss";',
    named: [
      "src/backend/webgpu/losses.ts",
      "src/kernels/layout.ts",
      "src/terms/losses.ts",
      "test/support/reference.ts",
    ],
  },
  {
    kind: "An activation",
    name: "dummyActivation",
    file: "src/graph/activation.ts",
    before: "type PlainName = ",
    after: 'type PlainName = "dummyActivation" | ',
    named: [
      "src/backend/webgpu/function-gradients.ts",
      "src/graph/activation.ts",
      "src/onnx-format/kinds/functions.ts",
      "test/support/reference.ts",
    ],
  },
  {
    kind: "Another function of numbers",
    name: "dummyFunction",
    file: "src/graph/pointwise.ts",
    before: '  | { readonly name: "clip"; ',
    after: '  | { readonly name: "dummyFunction"; readonly share: number }\n  | { readonly name: "clip"; ',
    named: [
      "src/backend/webgpu/function-gradients.ts",
      "src/graph/pointwise.ts",
      "src/onnx-format/kinds/functions.ts",
      "test/support/pointwise.ts",
    ],
  },
  {
    kind: "A status",
    name: "dummy_status",
    file: "src/solver/status.ts",
    before: '"nonfinite", "aborted"]',
    after: '"nonfinite", "aborted", "dummy_status"]',
    named: ["scripts/status-texts.ts"],
  },
  {
    kind: "An optimizer",
    name: "dummyOptimizer",
    file: "src/backend/optimizer.ts",
    before: "export type Optimizer = Rmsprop | Adam | Sgd;",
    after:
      'export type Optimizer = Rmsprop | Adam | Sgd | (Omit<Sgd, "name"> & { readonly name: "dummyOptimizer" });',
    named: ["src/backend/optimizer.ts", "src/backend/wasm/apply-optimizer.ts", "src/train/code-updates.ts"],
  },
  {
    kind: "An operation",
    name: "dummyMap",
    file: "src/graph/operations.ts",
    before: "  expand,\n  permute,\n  slice,",
    after: "  expand,\n  dummyMap: upsample,\n  permute,\n  slice,",
    named: [
      "src/graph/operations.ts",
      "src/onnx-format/operations.ts",
      "test/support/operation-kinds.ts",
      "test/support/operation-reference.ts",
    ],
  },
  {
    kind: "A prior",
    name: "dummyPrior",
    file: "src/terms/priors.ts",
    before: "export interface PriorKinds {",
    after: "export interface PriorKinds {\n  readonly dummyPrior: object;",
    named: ["src/cli/output/prior-figures.ts", "src/terms/priors.ts", "test/support/prior-reference.ts"],
  },
  {
    kind: "An operation",
    name: "dummyOperation",
    file: "src/graph/operations.ts",
    before: "  reshape,\n  conv,",
    after: "  reshape,\n  dummyOperation: reshape,\n  conv,",
    named: [
      "src/backend/wasm/lowerings.ts",
      "src/backend/webgpu/operations.ts",
      "src/graph/operations.ts",
      "src/onnx-format/operations.ts",
      "test/support/operation-kinds.ts",
      "test/support/operation-reference.ts",
    ],
  },
  {
    kind: "A solver",
    name: "dummySolver",
    file: "src/solver/solver.ts",
    before: "  readonly amd: Amd;",
    after: '  readonly amd: Amd;\n  readonly dummySolver: { readonly name: "dummySolver" };',
    named: [
      "src/cli/options/solver-options.ts",
      "src/solver/solve-objective.ts",
      "src/solver/solver.ts",
      "src/solver/tableaus.ts",
      "test/support/solvers.ts",
    ],
  },
  {
    kind: "A solver's option",
    name: "dummyOption",
    file: "src/solver/amd.ts",
    before: "  window?: number | undefined;",
    after: "  window?: number;\n  dummyOption?: number;",
    named: ["src/solver/amd.ts"],
  },
  {
    kind: "A solver's option",
    name: "dummyField",
    file: "build/wasm/structs.ts",
    before: '  settleTime: "f64",',
    after: '  settleTime: "f64",\n  dummyField: "f64",',
    named: ["src/solver/solver-memory.ts"],
  },
  {
    kind: "An optimizer's option",
    name: "dummyShare",
    file: "src/backend/optimizer.ts",
    before: "  momentum?: number | undefined;",
    after: "  momentum?: number;\n  dummyShare?: number;",
    named: ["src/backend/optimizer.ts"],
  },
  {
    kind: "A field of progress",
    name: "dummyProgress",
    file: "src/api/encode.ts",
    before: "export interface EncodeProgress {",
    after: "export interface EncodeProgress {\n  readonly dummyProgress: number;",
    named: ["src/api/encode.ts", "src/train/evaluate.ts"],
  },
  {
    kind: "A field of progress",
    name: "dummyPace",
    file: "src/train/progress.ts",
    before: "export interface TrainProgress extends TrainStep {",
    after: "export interface TrainProgress extends TrainStep {\n  readonly dummyPace: number;",
    named: ["src/train/train-network.ts"],
  },
  {
    kind: "A code of errors",
    name: "dummy_code",
    file: "src/base/errors.ts",
    before: '  | "locked";',
    after: '  | "locked"\n  | "dummy_code";',
    named: [],
  },
  {
    kind: "An operator of ONNX that is read",
    name: "DummyOperator",
    file: "src/onnx/read/operators/table.ts",
    before: "  Identity: ",
    after: "  DummyOperator: { read: rearranging.identity },\n  Identity: ",
    named: ["src/onnx/read/operators/table.ts"],
  },
  {
    kind: "A schedule",
    name: "dummySchedule",
    file: "src/train/schedule.ts",
    before: 'readonly name: "constant" | ',
    after: 'readonly name: "dummySchedule" | "constant" | ',
    named: ["src/train/schedule.ts"],
  },
  {
    kind: "A data set",
    name: "dummyLoader",
    file: "src/train/mnist.ts",
    before: "type LoaderName = ",
    after: 'type LoaderName = "dummyLoader" | ',
    named: ["src/train/mnist.ts"],
  },
  {
    kind: "What samples are solved with",
    name: "dummyInput",
    file: "src/backend/backend.ts",
    before: "  readonly sampleCount: number;",
    after: "  readonly sampleCount: number;\n  readonly dummyInput: number | undefined;",
    named: ["src/api/check-data.ts", "src/backend/webgpu/auto.ts", "src/train/samples.ts"],
  },
  {
    kind: "An adjoint",
    name: "dummyAdjoint",
    file: "src/adjoint/base.ts",
    before: 'const ADJOINTS = ["approximate", ',
    after: 'const ADJOINTS = ["dummyAdjoint", "approximate", ',
    named: ["src/cli/options/training-options.ts"],
  },
  {
    kind: "An option of `encode`",
    name: "dummySetting",
    file: "src/api/encode.ts",
    before: "  saveAt?: SaveAt | undefined;",
    after: "  saveAt?: SaveAt;\n  dummySetting?: number;",
    named: ["src/api/encode.ts"],
  },
  {
    kind: "An option of `train`",
    name: "dummyPasses",
    file: "src/train/options.ts",
    before: "  gradientClip?: number | undefined;",
    after: "  gradientClip?: number | undefined;\n  dummyPasses?: number;",
    named: ["src/train/check-options.ts"],
  },
  {
    kind: "An option of `latentflow encode`",
    name: "dummyFlag",
    file: "src/cli/options/job.ts",
    before: '  z0: flag("<file>", z0Help),',
    after: '  z0: flag("<file>", z0Help),\n  dummyFlag: flag("<file>", z0Help),',
    named: ["src/cli/parts/manifest.ts"],
  },
  {
    kind: "A format of results",
    name: "dummyFormat",
    file: "src/cli/parts/write-results.ts",
    before: '= "npy" | "parquet";',
    after: '= "npy" | "parquet" | "dummyFormat";',
    named: ["src/cli/parts/write-results.ts"],
  },
  {
    kind: "A column of results",
    name: "dummyColumn",
    file: "src/cli/output/results.ts",
    before: "  readonly reconstructions: Float32Array | undefined;",
    after:
      "  readonly reconstructions: Float32Array | undefined;\n  readonly dummyColumn: Float32Array | undefined;",
    named: ["src/cli/parts/encode-parts.ts"],
  },
  {
    kind: "A mode of an operation",
    name: "dummyWay",
    file: "src/graph/kinds/pad.ts",
    before: "export type PadMode = ",
    after: 'export type PadMode = "dummyWay" | ',
    named: [
      "src/graph/kinds/pad.ts",
      "src/onnx-format/kinds/resampling.ts",
      "test/support/operation-kinds.ts",
      "test/support/operation-reference.ts",
    ],
  },
  {
    kind: "A mode of an operation",
    name: "dummyMode",
    file: "src/graph/kinds/resize.ts",
    before: "export type ResizeMode = ",
    after: 'export type ResizeMode = "dummyMode" | ',
    named: [
      "src/graph/kinds/resize.ts",
      "src/onnx-format/kinds/resampling.ts",
      "src/onnx/read/operators/resize.ts",
      "test/support/operation-kinds.ts",
      "test/support/operation-reference.ts",
    ],
  },
  {
    kind: "A mode of an operation",
    name: "dummyScaling",
    file: "src/graph/kinds/upsample.ts",
    before: "export type UpsampleMode = ",
    after: 'export type UpsampleMode = "dummyScaling" | ',
    named: [
      "src/graph/kinds/upsample.ts",
      "src/onnx-format/kinds/resampling.ts",
      "test/support/operation-kinds.ts",
      "test/support/operation-reference.ts",
    ],
  },
  {
    kind: "A mode of an operation",
    name: "dummyOrder",
    file: "src/graph/kinds/rearranging.ts",
    before: 'readonly order?: "CRD"',
    after: 'readonly order?: "dummyOrder" | "CRD"',
    named: [
      "src/backend/webgpu/kinds/rearranging.ts",
      "src/graph/kinds/rearranging.ts",
      "src/onnx-format/kinds/rearranging.ts",
      "test/support/operation-reference.ts",
    ],
  },
  {
    kind: "A number of each sample",
    name: "dummyCost",
    file: "src/solver/result.ts",
    before: "export interface SolveStatistics {",
    after: "export interface SolveStatistics {\n  readonly dummyCost: Owned<Uint32Array>;",
    named: ["src/cli/output/results.ts", "src/solver/result.ts"],
  },
  {
    kind: "A number of each sample",
    name: "dummyResult",
    file: "src/solver/result.ts",
    before: "export interface EncodeResult {",
    after: "export interface EncodeResult {\n  readonly dummyResult: Owned<Float32Array>;",
    named: ["src/cli/output/results.ts", "src/solver/solution.ts", "src/train/evaluate.ts"],
  },
  {
    kind: "A number of each sample",
    name: "dummyNumber",
    file: "src/solver/solution.ts",
    before: "  gradientNorm: { array: Float64Array, start: Number.NaN },",
    after:
      "  gradientNorm: { array: Float64Array, start: Number.NaN },\n  dummyNumber: { array: Float64Array, start: 0 },",
    named: ["src/solver/sample-record.ts"],
  },
] satisfies Dummy[];

let found: string[][] | undefined;
for (const [i, { kind, named }] of dummies.entries()) {
  test(`${kind}: the compiler names the places`, () => {
    found ??= filesNamed(dummies);
    assert.equal(found[i], named);
  });
}

for (const kind of new Set(dummies.map((dummy) => dummy.kind))) {
  test(`${kind}: the text says which files the compiler names`, () => {
    const said = Array.from(bullet(kind).matchAll(/`([^`]+)` \*named\*/g), ([, file]) => file!);
    const named = dummies.flatMap((dummy) => (dummy.kind === kind ? dummy.named : []));
    assert.equal([...new Set(said)].sort(), [...new Set<string>(named)].sort());
  });
}

const howToAdd = contributing.slice(
  contributing.indexOf("\n## How to add\n"),
  contributing.indexOf("\nThe library has to run as it is in Node"),
);

const folders = "assembly|experiments|python|reproduce|scripts|site|src|test";
const placesIn = (text: string) =>
  Array.from(text.matchAll(new RegExp(`\`((?:${folders})/[\\w./-]*)\``, "g")), ([, place]) => place!);

test("each file that the lists say exists, each says who names it, and types and constants are in it", () => {
  const places = placesIn(howToAdd);
  assert.ok(places.length > 200, String(places.length));
  assert.equal(
    places.filter((place) => !existsSync(join(root, place))),
    [],
  );
  const kinds = howToAdd.split("\n- **").slice(1);
  for (const kind of kinds) {
    const items = kind.split(/\n {2}(?=\d+\. |- )/).slice(1);
    assert.ok(items.length > 0, kind);
    for (const item of items) {
      if (!/^\d/.test(item)) continue;
      assert.match(item, /\*(named|by\s+hand)\*/);
      const there = placesIn(item).filter((place) => /\.\w+$/.test(place));
      const texts = there.map((place) => readFileSync(join(root, place), "utf8"));
      for (const [, name] of item.matchAll(/`([A-Z]\w*)`/g))
        assert.ok(!texts[0] || texts.join().includes(name!), `${name} in ${there}`);
    }
  }
});

test.run();
