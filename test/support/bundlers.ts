import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { build as esbuild, transform } from "esbuild";
import { createLogger, build as vite } from "vite";
import webpackModule, { type Configuration, type Stats } from "webpack";

/** Bundles a program of some folder into `outDir`/main.js, as its users set it up; rejects where that fails. */
export type Bundle = (folder: string, program: string, outDir: string) => Promise<Bundled>;

export interface Bundled {
  /** What the bundler warned of. */
  readonly warnings: readonly string[];
}

/** The bundlers that people use, each with no more options than it takes. */
export const bundlers: Readonly<Record<string, Bundle>> = {
  async Vite(folder, program, outDir) {
    const warnings: string[] = [];
    await vite({
      root: folder,
      base: "./",
      configFile: false,
      logLevel: "warn",
      build: {
        target: "esnext",
        outDir,
        chunkSizeWarningLimit: 2000,
        rolldownOptions: {
          input: program,
          output: { entryFileNames: "main.js" },
          // How long it took on a busy machine is nothing to warn of.
          checks: { pluginTimings: false },
        },
      },
      customLogger: { ...createLogger("silent"), warn: (message) => warnings.push(message) },
    });
    return { warnings };
  },
  webpack: (folder, program, outDir) => webpack(folder, program, outDir),
  async esbuild(folder, program, outDir) {
    const { warnings } = await esbuild({
      absWorkingDir: folder,
      entryPoints: { main: program },
      bundle: true,
      format: "esm",
      outdir: outDir,
      logLevel: "silent",
    });
    return { warnings: warnings.map(({ text }) => text) };
  },
};

/**
 * What webpack makes, without the minimizer, which takes ten seconds for a program; esbuild drops what webpack leaves
 * the minimizer to drop.
 */
export const quickWebpack: Bundle = async (folder, program, outDir) => {
  const bundled = await webpack(folder, program, outDir, { minimize: false });
  for (const name of readdirSync(outDir).filter((file) => file.endsWith(".js"))) {
    const file = join(outDir, name);
    const { code } = await transform(readFileSync(file, "utf8"), { minify: true, treeShaking: true });
    writeFileSync(file, code);
  }
  return bundled;
};

async function webpack(
  folder: string,
  program: string,
  outDir: string,
  optimization: Configuration["optimization"] = {},
): Promise<Bundled> {
  const stats = await promisify<Configuration, Stats | undefined>(webpackModule)({
    context: folder,
    entry: program,
    mode: "production",
    output: { path: outDir, filename: "main.js" },
    optimization,
    // How large onnxruntime-web is is known.
    performance: { hints: false },
  });
  const { errors = [], warnings = [] } = stats!.toJson({ all: false, errors: true, warnings: true });
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join("\n"));
  return { warnings: warnings.map(({ message }) => message) };
}
