import type { LossName } from "latentflow";
import { computed, ref, type ShallowRef, shallowRef } from "vue";
import type { Engine } from "../engine/client.ts";
import type { NetworkDescription } from "../engine/messages.ts";
import { visitorsMessageOf } from "../message-of.ts";
import type { Codes, FileCalls, Progress, Samples } from "./messages.ts";
import { sortFiles } from "./sort-files.ts";

/** Files that a visitor has opened, and their content: nothing, a decoder, then samples, then their codes. */
export interface Opened {
  readonly decoderFile?: File;
  readonly decoder?: NetworkDescription;
  readonly samplesFile?: File;
  readonly samples?: Samples;
  readonly codes?: Codes;
}

const ENCODING = "Encoding …";

/** Task in progress: reading a file, or encoding. */
interface Task {
  readonly name: string;
  readonly progress?: Progress;
  readonly controller: AbortController;
}

/**
 * Opens a visitor's files and encodes them. A new task cancels the one in progress; a task that fails or is cancelled
 * keeps what was open.
 *
 * @param startEngine starts the worker that reads the files
 */
export function useFiles(startEngine: () => Pick<Engine<FileCalls>, "call" | "close" | "onFailure">) {
  const opened: ShallowRef<Opened> = shallowRef({});
  const task = shallowRef<Task>();
  const problem = shallowRef("");
  /** Loss to use for a decoder whose file has none. */
  const loss = ref<LossName>("mse");
  const engine = startEngine();
  engine.onFailure = fail;

  function fail(error: unknown): void {
    problem.value = visitorsMessageOf(error);
  }

  async function run(name: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    task.value?.controller.abort();
    const controller = new AbortController();
    task.value = { name, controller };
    problem.value = "";
    try {
      await work(controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) fail(error);
    } finally {
      if (task.value?.controller === controller) task.value = undefined;
    }
  }

  const reading = (file: File) => `Reading ${file.name} …`;

  // Whatever the worker has read is shown as open, even if the task was cancelled while the reply was on its way: the
  // worker uses it.

  async function readSamples(file: File, signal: AbortSignal): Promise<void> {
    const samples = await engine.call("readSamples", { file }, { signal });
    const { codes: _, ...decoder } = opened.value;
    opened.value = { ...decoder, samplesFile: file, samples };
  }

  async function findCodes(signal: AbortSignal): Promise<void> {
    const given = opened.value;
    const onProgress = (progress: Progress) => {
      if (task.value && !signal.aborted) task.value = { ...task.value, progress };
    };
    const chosen = given.decoder?.loss === undefined ? loss.value : undefined;
    const codes = await engine.call("encode", { loss: chosen }, { signal, onProgress });
    if (!signal.aborted) opened.value = { ...given, codes };
  }

  /** Opens a decoder, then the given samples or those open before; if these had been encoded, encodes them again. */
  function openDecoder(file: File, samplesFile = opened.value.samplesFile): Promise<void> {
    const isEncoded = opened.value.codes !== undefined && samplesFile === opened.value.samplesFile;
    return run(reading(file), async (signal) => {
      const decoder = await engine.call("readDecoder", { file }, { signal });
      opened.value = { decoderFile: file, decoder };
      if (!samplesFile || signal.aborted) return;
      await readSamples(samplesFile, signal);
      if (!isEncoded || signal.aborted) return;
      task.value = { ...task.value!, name: ENCODING };
      await findCodes(signal);
    });
  }

  async function openSamples(file: File): Promise<void> {
    if (opened.value.decoder) await run(reading(file), (signal) => readSamples(file, signal));
    else problem.value = `${file.name} is read by the size of a decoder's samples. Choose a decoder first.`;
  }

  /** Opens a decoder, samples, or both, and reports the files that are ignored. */
  async function openAll(files: readonly File[]): Promise<void> {
    const { decoder, samples, rest } = sortFiles(files);
    if (decoder) await openDecoder(decoder, samples);
    else if (samples) await openSamples(samples);
    if (rest.length > 0) {
      const names = rest.map(({ name }) => name).join(", ");
      const ignored = `Ignored: ${names}. One decoder and one picture or array are open at a time.`;
      problem.value = [problem.value, ignored].filter(Boolean).join(" ");
    }
  }

  return {
    opened: computed(() => opened.value),
    task: computed(() => task.value),
    /** Message about the last failure; empty if there is none. */
    problem,
    loss,
    openDecoder,
    openSamples,
    openAll,
    fail,
    /** Encodes the open samples. */
    encode: () => run(ENCODING, findCodes),
    cancel: () => task.value?.controller.abort(),
    close: () => engine.close(),
  };
}
