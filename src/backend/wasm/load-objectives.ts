import { calling } from "../../base/calling.ts";
import { LatentflowError } from "../../base/errors.ts";
import { messageOf } from "../../base/realms.ts";

/**
 * Loads objectives.ts on first use: a separate chunk of code, which encoding by `lbfgs` and `amd` never loads.
 *
 * @throws LatentflowError `unsupported` if it cannot be loaded
 */
export function loadObjectives(): Promise<typeof import("./objectives.ts")> {
  return calling("wasm", async () => {
    try {
      return await import("./objectives.ts");
    } catch (cause) {
      const message = `a part of the library could not be loaded (${messageOf(cause)}); latentflow.min.js has all parts in one file, for service workers`;
      throw new LatentflowError("unsupported", message, { cause });
    }
  });
}
