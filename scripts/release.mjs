// Makes a release: sets the version, dates the changelog, checks what npm would publish, commits, and tags.
//
//   npm run release -- 0.2.0
//
// Nothing leaves the machine: `git push --follow-tags` does, and the tag has .github/workflows/publish.yml publish.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const [version = ""] = process.argv.slice(2);
const run = (/** @type {string} */ command, /** @type {string[]} */ ...args) =>
  execFileSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });
const ask = (/** @type {string} */ command, /** @type {string[]} */ ...args) =>
  execFileSync(command, args, { encoding: "utf8" }).trim();

const problem = findProblem();
if (problem) {
  console.error(`release: ${problem}`);
  process.exitCode = 1;
} else {
  try {
    release();
  } catch (error) {
    console.error(
      `release: ${error instanceof Error ? error.message : error}; "git checkout ." takes back what was changed`,
    );
    process.exitCode = 1;
  }
}

/** Finds why there is no release, before anything is changed. */
function findProblem() {
  if (!/^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-[\w.]+)?$/.test(version)) {
    return `version "${version}", expected one such as 0.2.0: npm run release -- 0.2.0`;
  }
  if (ask("git", "tag", "--list", `v${version}`)) return `there is a tag v${version} already`;
  if (ask("git", "status", "--porcelain"))
    return "there are changes that are not committed; commit them first";
  if (!headingIn(readFileSync("CHANGELOG.md", "utf8"))) {
    return `CHANGELOG.md has no heading "## [${version}] - not published yet"; write what is new under it`;
  }
  const { repository } = JSON.parse(readFileSync("package.json", "utf8"));
  if (!repository) {
    return (
      'package.json has no "repository", which npm compares with where a package was built (provenance); add ' +
      '{ "type": "git", "url": "git+https://github.com/ACCOUNT/latentflow.git" }'
    );
  }
}

function release() {
  // What may fail comes before anything is written.
  run("npm", "run", "check");
  run("npm", "publish", "--dry-run");
  const date = new Date().toISOString().slice(0, 10);
  const changelog = readFileSync("CHANGELOG.md", "utf8");
  writeFileSync("CHANGELOG.md", changelog.replace(headingIn(changelog), `## [${version}] - ${date}`));
  const citation = readFileSync("CITATION.cff", "utf8");
  writeFileSync("CITATION.cff", citation.replace(/^version: .*$/m, `version: ${version}`));
  const { version: last } = JSON.parse(readFileSync("package.json", "utf8"));
  for (const name of readdirSync("site", { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".md")) continue;
    const page = readFileSync(`site/${name}`, "utf8");
    // Addresses of the CDN.
    if (page.includes(`latentflow@${last}/`)) {
      writeFileSync(`site/${name}`, page.replaceAll(`latentflow@${last}/`, `latentflow@${version}/`));
    }
  }
  run("npm", "version", version, "--no-git-tag-version", "--allow-same-version");
  run("git", "commit", "--all", "--message", `Release ${version}`);
  run("git", "tag", "--annotate", `v${version}`, "--message", `latentflow ${version}`);
  console.log(`v${version} is tagged; "git push --follow-tags" has the workflow test and publish it`);
}

/** Finds the heading of the version in the changelog. @param {string} changelog */
function headingIn(changelog) {
  return changelog.split("\n").find((line) => line === `## [${version}] - not published yet`) ?? "";
}
