import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Options } from "tsup";

type Plugin = NonNullable<Options["esbuildPlugins"]>[number];

/** Its standard library is compiled into the kernels. */
const inKernels = "node_modules/assemblyscript";

/**
 * An esbuild plugin that writes the licences of all packages whose code ended up in the kernels or in the bundles it
 * was given to: they ask that their text goes with every copy.
 */
export function thirdPartyLicenses(outFile: string): Plugin {
  const folders = new Set([inKernels]);
  return {
    name: "third-party-licenses",
    setup(build) {
      build.initialOptions.metafile = true;
      build.onEnd((result) => {
        for (const { inputs } of Object.values(result.metafile?.outputs ?? {})) {
          for (const file of Object.keys(inputs)) {
            const folder = packageFolder(file);
            if (folder) folders.add(folder);
          }
        }
        mkdirSync(dirname(outFile), { recursive: true });
        writeFileSync(
          outFile,
          [...folders]
            .sort()
            .map(notice)
            .join(`\n${"-".repeat(80)}\n\n`),
        );
      });
    },
  };
}

/** The folder of the package that a file belongs to, up to `node_modules/NAME` or `node_modules/@SCOPE/NAME`. */
function packageFolder(file: string): string | undefined {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

function notice(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`third-party-licenses: ${folder} has no licence file; say where it is kept`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
}
