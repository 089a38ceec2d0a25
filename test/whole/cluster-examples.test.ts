// run: alone
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Job } from "kubernetes-models/batch/v1/Job";
import { PersistentVolumeClaim } from "kubernetes-models/v1/PersistentVolumeClaim";
import ts from "typescript";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseAllDocuments } from "yaml";
import { createDecoder } from "../../src/index.ts";
import { command } from "../cluster/command.ts";
import { BundledProgram } from "../support/bundled-program.ts";
import { findOrInstall } from "../support/debian.ts";
import { endOf, Workplace } from "../support/program.ts";
import { randomArray } from "../support/random.ts";

// What examples/cluster/ has, as far as it can be run without a cluster: `npm run test:cluster` runs the scripts by a real
// Slurm and by GNU parallel, and kills their tasks.

const examples = fileURLToPath(new URL("../../examples/cluster/", import.meta.url));
const workplace = new Workplace();
test.after(() => workplace.dispose());
const program = new BundledProgram(workplace.folder);

const [SAMPLES, SIZE] = [203, 24];
const decoder = createDecoder({ layers: [4, 16, SIZE], seed: 1, loss: "mse" });
const volume = workplace.newPath();
mkdirSync(volume);
writeFileSync(join(volume, "decoder.safetensors"), decoder.toSafetensors());
decoder.dispose();
const samples = workplace.writeFloats(randomArray(2, SAMPLES * SIZE), [SAMPLES, SIZE]);
writeFileSync(join(volume, "samples.npy"), readFileSync(samples));
const input = ["--decoder", join(volume, "decoder.safetensors"), "--data", join(volume, "samples.npy")];
const whole = workplace.newPath();
await run(["encode", ...input, "--out", whole, "--plain", "--quiet"]);

async function run(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const { exit, stderr } = await endOf(program.start(args, { env }));
  assert.is(exit, 0, stderr);
}

function checkSame(out: string): void {
  for (const name of ["latents.npy", "results.csv"]) {
    assert.ok(readFileSync(join(out, name)).equals(readFileSync(join(whole, name))), name);
  }
}

/** A folder of programs that come first on the PATH: `latentflow`, and others by what they do in a shell. */
function withPrograms(others: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const folder = workplace.newPath();
  mkdirSync(folder);
  const programs = { latentflow: `exec '${process.execPath}' '${program.file}' "$@"`, ...others };
  for (const [name, words] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/bash\n${words}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
}

/** What the scripts take from the environment. */
const settings = (out: string) => ({
  DECODER: join(volume, "decoder.safetensors"),
  DATA: join(volume, "samples.npy"),
  OUT: out,
  PARTS: "4",
  JOBS: "2",
});

type Manifest = { readonly kind: string } & Record<string, unknown>;

function manifests(): Manifest[] {
  const documents = parseAllDocuments(readFileSync(join(examples, "kubernetes.yaml"), "utf8"));
  assert.equal(
    documents.flatMap(({ errors, warnings }) => [...errors, ...warnings]),
    [],
  );
  return documents.map((document) => document.toJS());
}

/** Types of Kubernetes' objects, by their modules: they say which fields there are. The validators know only their values. */
const TYPES: Readonly<
  Record<string, { readonly from: string; readonly Model: typeof Job | typeof PersistentVolumeClaim }>
> = {
  Job: { from: "kubernetes-models/batch/v1/Job", Model: Job },
  PersistentVolumeClaim: { from: "kubernetes-models/v1/PersistentVolumeClaim", Model: PersistentVolumeClaim },
};

/** What is wrong with the values of some manifests, by the package's validators, which are Kubernetes' schema. */
function wrongValues(all: readonly Manifest[]): string[] {
  const problems: string[] = [];
  for (const { kind, ...rest } of all) {
    const model = TYPES[kind];
    if (!model) {
      problems.push(`there is no ${kind}`);
      continue;
    }
    try {
      new model.Model(rest as never).validate();
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  return problems;
}

/** Names of some manifests that the package's types do not have. The compiler takes seconds. */
function unknownNames(all: readonly Manifest[]): string[] {
  const source = all.map((manifest, i) => {
    const { from } = TYPES[manifest.kind]!;
    const type = `import("${from}").I${manifest.kind}`;
    return `export const each${i}: ${type} = ${JSON.stringify(manifest, undefined, 1)};`;
  });
  const file = fileURLToPath(new URL("manifests.ts", import.meta.url));
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.getSourceFile = (name, ...others) =>
    name === file ? ts.createSourceFile(name, source.join("\n"), others[0]) : getSourceFile(name, ...others);
  const diagnostics = ts.getPreEmitDiagnostics(ts.createProgram([file], options, host));
  return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}

test("Kubernetes' schema has what kubernetes.yaml says", () => {
  const all = manifests();
  assert.equal(
    all.map(({ kind }) => kind),
    ["PersistentVolumeClaim", "Job", "Job"],
  );
  assert.equal(wrongValues(all), []);
  assert.equal(unknownNames(all), []);
});

test("the schema refuses wrong names and values", () => {
  const [, job] = manifests() as [Manifest, Manifest & { spec: object }];
  const spoilt = (spec: object) => [{ ...job, spec: { ...job.spec, ...spec } } as Manifest];
  assert.match(
    wrongValues(spoilt({ completions: "16" })).join("\n"),
    "data/spec/completions must be integer",
  );
  assert.match(
    wrongValues(spoilt({ template: {}, podFailurePolicy: {} })).join("\n"),
    "data/spec/podFailurePolicy must have required property rules",
  );
  assert.match(unknownNames(spoilt({ backofLimit: 1 })).join("\n"), `'"backofLimit"' does not exist`);
});

interface PodJob {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly completions?: number;
    readonly template: {
      readonly spec: {
        readonly restartPolicy: string;
        readonly containers: readonly [
          {
            readonly args: readonly string[];
            readonly volumeMounts: readonly [{ readonly name: string; readonly mountPath: string }];
          },
        ];
        readonly volumes: readonly [
          { readonly name: string; readonly persistentVolumeClaim: { readonly claimName: string } },
        ];
      };
    };
  };
}

test("the pods of kubernetes.yaml encode, each its part, and merge", async () => {
  const [claim, encode, merge] = manifests() as unknown as [PodJob, PodJob, PodJob];
  const argsOf = ({ spec }: PodJob) => {
    const { containers, volumes } = spec.template.spec;
    const [{ args, volumeMounts }] = containers;
    assert.is(volumeMounts[0].name, volumes[0].name);
    assert.is(volumes[0].persistentVolumeClaim.claimName, claim.metadata.name);
    return args.map((arg) => arg.replace(/^(--[a-z]+=)?\/data\b/, `$1${volume}`));
  };
  const { completions } = encode.spec;
  assert.ok(argsOf(encode).includes(`--parts=${completions}`));
  // backoffLimitPerIndex asks for it, which a schema cannot say.
  assert.is(encode.spec.template.spec.restartPolicy, "Never");
  for (let index = 0; index < 4; index++) {
    const args = argsOf(encode).map((arg) => arg.replace(/^--parts=.*/, "--parts=4"));
    await run(args, { ...process.env, JOB_COMPLETION_INDEX: `${index}` });
  }
  await run(argsOf(merge));
  checkSame(join(volume, "codes"));
});

test("the image runs a Node that the package takes", () => {
  const [, version] = /^FROM node:(\d+)-slim$/m.exec(readFileSync(join(examples, "Dockerfile"), "utf8"))!;
  const { engines } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const [, since] = />=(\d+)/.exec(engines.node)!;
  assert.ok(Number(version) >= Number(since), `Node ${version}, ${engines.node}`);
});

/** slurm.sh as Slurm runs a task, with a `scontrol` that writes down how it is called. */
async function runTask(task: string, env: NodeJS.ProcessEnv, more: Readonly<Record<string, string>> = {}) {
  const calls = workplace.newPath();
  const slurm = {
    SLURM_ARRAY_JOB_ID: "7",
    SLURM_ARRAY_TASK_ID: task,
    SLURM_CPUS_PER_TASK: "1",
    CALLS: calls,
  };
  const result = await command(join(examples, "slurm.sh"), [], { env: { ...env, ...slurm, ...more } }).then(
    () => "",
    (error: Error) => error.message,
  );
  return { result, calls: existsSync(calls) ? readFileSync(calls, "utf8").trim() : "" };
}
const scontrol = 'echo "$@" >> "$CALLS"';

test("slurm.sh does a task's part; what has failed for good it does not requeue", async () => {
  const out = workplace.newPath();
  const env = { ...withPrograms({ scontrol }), ...settings(out) };
  for (const task of ["0", "1", "2", "3"]) assert.equal(await runTask(task, env), { result: "", calls: "" });
  await run(["merge", out]);
  checkSame(out);
  // As sbatch --array=1-4 has it.
  const { result, calls } = await runTask("4", env);
  assert.match(result, /ended with 1\n.*SLURM_ARRAY_TASK_ID is "4", expected 0 to 3/s);
  assert.is(calls, "");
});

test("slurm.sh requeues a task whose program was killed, three times", async () => {
  const env = {
    ...withPrograms({ scontrol, latentflow: "kill -KILL $$" }),
    ...settings(workplace.newPath()),
  };
  for (const restarts of ["", "1", "2"]) {
    const { result, calls } = await runTask("2", env, { SLURM_RESTART_COUNT: restarts });
    assert.match(result, "ended with 137");
    assert.is(calls, "requeue 7_2");
  }
  const { result, calls } = await runTask("2", env, { SLURM_RESTART_COUNT: "3" });
  assert.match(result, "ended with 137");
  assert.is(calls, "");
});

test("parallel.sh encodes and merges; started again it has nothing to do", async () => {
  findOrInstall("parallel", () => (existsSync("/usr/bin/parallel") ? "/usr/bin/parallel" : undefined));
  const folder = realpathSync(workplace.folder);
  // A name that a shell would take apart.
  const out = join(folder, "codes of parallel");
  const env = { ...withPrograms(), ...settings(out) };
  await command(join(examples, "parallel.sh"), [], { env, cwd: folder });
  checkSame(out);
  const part = join(out, "parts", "part-00000000.safetensors");
  const written = statSync(part).mtimeMs;
  await command(join(examples, "parallel.sh"), [], { env, cwd: folder });
  assert.is(statSync(part).mtimeMs, written);
});

test("subprocess_per_partition.py encodes and merges; a killed subprocess is started again", async () => {
  const out = workplace.newPath();
  // The first process of each part kills itself.
  const marks = workplace.newPath();
  mkdirSync(marks);
  const latentflow =
    `if [ "$1" = encode ] && mkdir "${marks}/$(echo "$@" | tr -c 'a-z0-9\\n' _ | tail -c 60)" 2>/dev/null; then kill -KILL $$; fi\n` +
    `exec '${process.execPath}' '${program.file}' "$@"`;
  const env = withPrograms({ latentflow });
  const script = join(examples, "subprocess_per_partition.py");
  const args = [...input, "--out", out, "--parts", "3", "--workers", "2"];
  findOrInstall("python3", () => (existsSync("/usr/bin/python3") ? "/usr/bin/python3" : undefined));
  await command("python3", [script, ...args], { env });
  checkSame(out);
  rmSync(out, { recursive: true });
  const refused = await command("python3", [script, ...args, "--prior-std", "-1"], {
    env: withPrograms(),
  }).then(
    () => "",
    (error: Error) => error.message,
  );
  assert.match(refused, /RuntimeError: part \d\/3 ended with [12]: .*--prior-std/);
});

test.run();
