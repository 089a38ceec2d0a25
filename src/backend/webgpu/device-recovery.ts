import type { Decoder } from "../../decoder/decoder.ts";
import type { BackendInfo } from "../../solver/result.ts";
import type { Session } from "../backend.ts";
import { wasm } from "../wasm/wasm.ts";
import { adapterName, type ContextOptions, nextTask, openContext } from "./device.ts";
import { type LoadedDecoder, loadOnto } from "./loaded.ts";

/**
 * Recovery of a call from the loss of its GPU device: the first time on another device; the second time, or if no other device
 * works, in WASM.
 */
export class DeviceRecovery {
  private readonly incidents: string[] = [];
  /** WASM session that continues the call after a loss of the device; undefined before. */
  private fallback: Session | undefined;

  private constructor(
    private readonly decoder: Decoder,
    private readonly options: ContextOptions,
    private loaded: LoadedDecoder,
  ) {}

  /** Opens a GPU device and loads the decoder onto it. */
  static async open(decoder: Decoder, options: ContextOptions): Promise<DeviceRecovery> {
    return new DeviceRecovery(decoder, options, await loadOnto(await openContext(options), decoder));
  }

  /** Maximum number of rows for which the decoder's largest graph value fits into a buffer of the present device. */
  get largestRows(): number {
    return this.loaded.largestRows;
  }

  /** Description of the backend for results: the GPU's name, the version of onnxruntime-web, and losses of a device so far. */
  get info(): BackendInfo {
    const { ort, device } = this.loaded.context;
    return {
      name: "webgpu",
      build: `onnxruntime-web ${ort.env.versions.web ?? ort.env.versions.common}`,
      adapter: adapterName(device.adapterInfo),
      ...(this.incidents.length > 0 && { incidents: [...this.incidents] }),
    };
  }

  /**
   * Runs `onGpu`; if the device is lost, runs it again on another device, or else runs `inWasm`. Both must be able to continue
   * from any state that a failed run leaves.
   */
  async work<T>(
    onGpu: (loaded: LoadedDecoder) => Promise<T>,
    inWasm: (session: Session) => Promise<T>,
  ): Promise<T> {
    while (!this.fallback) {
      const { loaded } = this;
      try {
        return await onGpu(loaded);
      } catch (error) {
        // onnxruntime-web may fail before the device reports the loss.
        await nextTask();
        if (!loaded.context.isLost()) throw error;
        await this.replace();
      }
    }
    return inWasm(this.fallback);
  }

  private async replace(): Promise<void> {
    const isFirst = this.incidents.length === 0;
    if (isFirst) {
      try {
        const other = await loadOnto(await openContext(this.options), this.decoder);
        // The call has been divided into blocks that fit the first device.
        if (other.largestRows < this.loaded.largestRows) throw new Error("the other device is smaller");
        this.loaded = other;
        this.incidents.push("the device was lost and replaced");
        return;
      } catch {
        // Without another device the call continues in WASM.
      }
    }
    this.fallback = await wasm().open(this.decoder);
    const { build } = this.fallback.info;
    const when = isFirst ? "the device was lost, and no other would do" : "the device was lost again";
    this.incidents.push(`${when}: what was left was done by wasm (${build})`);
  }
}
