import workerSource from "worker-source";

// Starts the element's worker, whose code is embedded in the element's own file.

/** Message for a worker that does not start: as its code is embedded, only the page's policy can be the reason. */
export const WORKER_REFUSED =
  "<latent-flow>: the page does not allow the element's worker. Its Content-Security-Policy has to allow worker-src blob: and script-src 'wasm-unsafe-eval', and trusted-types latent-flow if it has trusted-types.";

/** Trusted Types API, which TypeScript's DOM library lacks: https://w3c.github.io/trusted-types/dist/spec/ */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string };
}

let policy: ReturnType<TrustedTypes["createPolicy"]> | undefined;

/**
 * Starts the element's worker. If the page's policy forbids workers, either this throws or the worker fails later.
 *
 * @throws Error with WORKER_REFUSED
 */
export function startWorker(): Worker {
  const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
  try {
    const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
    // A policy's name can only be used once per page.
    policy ??= trustedTypes?.createPolicy("latent-flow", { createScriptURL: (same) => same });
    return new Worker(policy?.createScriptURL(url) ?? url);
  } catch (cause) {
    throw new Error(WORKER_REFUSED, { cause });
  } finally {
    URL.revokeObjectURL(url);
  }
}
