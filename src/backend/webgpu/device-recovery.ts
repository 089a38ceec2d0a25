import type { Decoder } from "../../decoder/decoder.ts";
import type { BackendInfo } from "../../solver/result.ts";
import type { Session } from "../backend.ts";
import { wasm } from "../wasm/wasm.ts";
import { adapterName, type ContextOptions, openContext } from "./device.ts";
import { type LoadedDecoder, loadOnto } from "./loaded.ts";

/**
 * Keeps a call at work when its device is lost: the first time on another device, the second time, or where there
 * is no other, in WASM.
 */
export class DeviceKeeper {
  private readonly decoder: Decoder;
  private readonly options: ContextOptions;
  private loaded: LoadedDecoder;
  private readonly incidents: string[] = [];
  private instead: Session | undefined;

  private constructor(decoder: Decoder, options: ContextOptions, loaded: LoadedDecoder) {
    this.decoder = decoder;
    this.options = options;
    this.loaded = loaded;
  }

  static async open(decoder: Decoder, options: ContextOptions): Promise<DeviceKeeper> {
    return new DeviceKeeper(decoder, options, await loadOnto(await openContext(options), decoder));
  }

  get largestRows(): number {
    return this.loaded.largestRows;
  }

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
   * Does work on the GPU, or goes on with it after a loss. Whatever either function has done before a loss must be
   * fit to be gone on with.
   */
  async work<T>(
    onGpu: (loaded: LoadedDecoder) => Promise<T>,
    inWasm: (session: Session) => Promise<T>,
  ): Promise<T> {
    while (!this.instead) {
      const { loaded } = this;
      try {
        return await onGpu(loaded);
      } catch (error) {
        // The runtime may fail before the device says why.
        await nextTask();
        if (!loaded.context.isLost()) throw error;
        await this.replace();
      }
    }
    return inWasm(this.instead);
  }

  private async replace(): Promise<void> {
    const isFirst = this.incidents.length === 0;
    if (isFirst) {
      try {
        const other = await loadOnto(await openContext(this.options), this.decoder);
        // The call has been divided up for the first one.
        if (other.largestRows < this.loaded.largestRows) throw new Error("the other device is smaller");
        this.loaded = other;
        this.incidents.push("the device was lost and replaced");
        return;
      } catch {
        // There may be no other device that will do, and then there is WASM.
      }
    }
    this.instead = await wasm().open(this.decoder);
    const { build } = this.instead.info;
    const when = isFirst ? "the device was lost, and no other would do" : "the device was lost again";
    this.incidents.push(`${when}: what was left was done by wasm (${build})`);
  }
}

function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
