// run: slow
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Workplace } from "../../support/program.ts";
import { runHere as run } from "../../support/run-here.ts";

// What the program is told of a decoder's file, and says of it.

const workplace = new Workplace();
test.after(() => workplace.dispose());
const file = (name: string) =>
  fileURLToPath(new URL(`../../fixtures/safetensors/${name}.safetensors`, import.meta.url));

async function refusal(...args: string[]): Promise<string> {
  const { exit, stderr } = await run(...args);
  assert.is.not(exit, 0);
  return stderr;
}

test("what a file of PyTorch does not say, flags do", async () => {
  const runs: [args: string[], operations: string][] = [
    [["vae", "--prefix", "decoder."], "dense relu dense sigmoid"],
    [["mixed-unsaid", "--activation", "elu,tanh"], "dense elu dense tanh dense"],
  ];
  for (const [[name, ...flags], operations] of runs) {
    const { exit, stdout, stderr } = await run("describe", "--decoder", file(name!), ...flags, "--json");
    assert.is(exit, 0, stderr);
    const document = JSON.parse(stdout);
    const names = document.operations.map(({ operation }: { operation: string }) => operation).join(" ");
    assert.equal([names, document.verified], [operations, true]);
  }
});

test("what is wrong is said in flags", async () => {
  assert.match(
    await refusal("describe", "--decoder", file("vae")),
    /give --prefix decoder\. or --prefix encoder\. if only/,
  );
  assert.match(
    await refusal("describe", "--decoder", file("batch-norm")),
    /"1\.running_mean".* Convert the decoder to ONNX .*: from latentflow_export import export; export\(.*latent=3\)\n$/,
  );
  assert.match(
    await refusal("describe", "--decoder", file("sigmoid-unsaid")),
    /They agree after a sigmoid: give --output-activation sigmoid/,
  );
  assert.match(
    await refusal("describe", "--decoder", file("residual"), "--activation", "relu,relu,elu"),
    /Is a sigmoid missing at the end \(--output-activation\)\?/,
  );
  const training = ["train", "--layers", "2,6", "--data", "x.npy", "--out", workplace.newPath()];
  assert.match(await refusal(...training, "--prefix", "d."), /--prefix|x\.npy/);
});

test("that a decoder is not verified stands in describe and in encode's summary, else not", async () => {
  const verified = file("logits");
  const unverified = fileURLToPath(new URL("../../vectors/tiny-mse-tanh.safetensors", import.meta.url));
  const described = async (decoder: string) => (await run("describe", "--decoder", decoder)).stdout;
  assert.match(await described(unverified), /\nnot verified: there was no probe to compare it with\n$/);
  assert.not.match(await described(verified), /verified/);

  const data = workplace.writeFloats(
    Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)),
    [2, 6],
  );
  const encoded = async (decoder: string) => {
    const { exit, stdout, stderr } = await run(
      ...["encode", "--decoder", decoder, "--data", data, "--loss", "mse", "--quiet"],
      ...["--out", workplace.newPath()],
    );
    assert.is(exit, 0, stderr);
    return stdout;
  };
  assert.not.match(await encoded(verified), /verified/);
  const { operations } = JSON.parse((await run("describe", "--decoder", unverified, "--json")).stdout);
  const size = operations.at(-1).shape.reduce((product: number, length: number) => product * length, 1);
  const others = workplace.writeFloats(new Float32Array(2 * size), [2, size]);
  const { stdout } = await run(
    ...["encode", "--decoder", unverified, "--data", others, "--out", workplace.newPath(), "--quiet"],
  );
  assert.match(stdout, /verified +│ no, there was no probe to compare it with/);
});

test.run();
