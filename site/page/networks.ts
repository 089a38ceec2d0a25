import { withBase } from "vitepress";
import { ref, shallowRef } from "vue";
import { guestName } from "./address.ts";
import { type Engine, startEngine } from "./engine/client.ts";
import type { NetworkDescription, NetworkName, ReplyOf } from "./engine/messages.ts";

/** Returns the URL of a file made by scripts/make-page-models.ts. */
export const fileOf = (name: string) => new URL(withBase(`/page/${name}`), location.href).href;

/** Contents of the files that the first picture needs. */
interface FirstFiles {
  readonly decoder: NetworkDescription;
  readonly digits: ReplyOf<"readSamples">;
}

/** Manages the page's worker and the networks that it has loaded. The worker is started by `prepare`, in a browser. */
export function createNetworks() {
  /** Description of the decoder that is inverted; undefined until it is loaded. */
  const description = shallowRef<NetworkDescription>();
  /** Name of a visitor's decoder that replaces the page's own; undefined if there is none. */
  const guest = ref<string>();
  let worker: Engine | undefined;
  let first: Promise<FirstFiles> | undefined;
  let encoders: Promise<unknown> | undefined;
  /** Latest replacement of the decoder. Each waits for the one before, so that the last request wins. */
  let replacement: Promise<unknown> = Promise.resolve();

  /** Returns the worker's client; throws if the worker has not been started. */
  function engine(): Engine {
    if (!worker) throw new Error("The page's worker has not been started.");
    return worker;
  }

  const load = (name: NetworkName, file: string) =>
    engine().call("load", { name, source: fileOf(`${file}.safetensors`) });

  async function loadFirst(): Promise<FirstFiles> {
    const files = { source: fileOf("digits.idx.gz"), labels: fileOf("digit-labels.idx") };
    const [decoder, digits] = await Promise.all([
      load("plainDecoder", "plain-decoder"),
      engine().call("readSamples", files),
    ]);
    return { decoder, digits };
  }

  return {
    description,
    guest,
    engine,
    /** Starts the worker, and loads the decoder and the digits. Called as early as possible, before the page is mounted. */
    prepare(): Promise<FirstFiles> {
      worker ??= startEngine();
      first ??= loadFirst();
      return first;
    },
    /** Loads the encoders, once; rejects if one cannot be loaded. */
    prepareEncoders(): Promise<unknown> {
      encoders ??= Promise.all([
        load("plainEncoder", "plain-encoder"),
        load("maskedDecoder", "masked-decoder"),
        load("maskedEncoder", "masked-encoder"),
      ]);
      return encoders;
    },
    /** Replaces the decoder that is inverted, by one of 28 × 28 pixels; without a source, returns to the page's own. */
    replaceDecoder(source?: Uint8Array, name?: string): Promise<void> {
      const replace = async () => {
        description.value = await engine().call("setDecoder", { source });
        guest.value = name && guestName(name);
      };
      const replaced = replacement.then(replace, replace);
      replacement = replaced;
      return replaced;
    },
    close(): void {
      worker?.close();
      worker = undefined;
    },
  };
}
