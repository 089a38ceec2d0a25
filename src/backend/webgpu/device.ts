import { kept } from "../../base/kept.ts";
import { Interruption } from "./interruption.ts";
import type { Gpu, GpuAdapter, GpuAdapterInfo, GpuDevice, OnnxRuntime } from "./platform.ts";
import { importRuntime } from "./runtime.ts";
import { unsupported } from "./unsupported.ts";

/**
 * Error of work that was interrupted by the loss of its GPU device: the device was destroyed, or the process that runs it
 * ended.
 */
class DeviceLost extends Error {
  override readonly name = "DeviceLost";
}

/** A GPU device and the onnxruntime-web module that uses it. */
export interface GpuContext {
  readonly ort: OnnxRuntime;
  readonly device: GpuDevice;
  /** Returns true once the device is lost. */
  isLost(): boolean;
  /** Rejects work awaited through `lost.during` with DeviceLost once the device is lost. */
  readonly lost: Interruption;
  /**
   * Rejects work awaited through `overdue.during` with DeviceLost as soon as GRACE milliseconds have passed since the loss of
   * the device: work that onnxruntime-web has not failed by then would never settle.
   */
  readonly overdue: Interruption;
}

/**
 * onnxruntime-web module and GPU device given by the caller; by default the package onnxruntime-web and a device that
 * latentflow requests.
 */
export interface ContextOptions {
  readonly ort?: OnnxRuntime | undefined;
  readonly device?: GpuDevice | undefined;
  readonly wasmPaths?: unknown;
}

/** Milliseconds after the loss of a device within which onnxruntime-web fails its work by itself. */
const GRACE = 2000;

/** Contexts of each GPU device, one per onnxruntime-web module. A decoder's buffers are cached by context. */
const contexts = new WeakMap<GpuDevice, WeakMap<OnnxRuntime, GpuContext>>();

/**
 * GPU device that latentflow requested, shared by all calls that give none; undefined before the first request and after a
 * loss.
 */
let ownDevice: Promise<GpuDevice> | undefined;

/**
 * Returns the context for these options. If the given device is lost, latentflow's own device replaces it.
 *
 * @throws LatentflowError `unsupported` without WebGPU, an adapter or onnxruntime-web
 */
export async function openContext({ ort: given, device, wasmPaths }: ContextOptions): Promise<GpuContext> {
  // Checked before onnxruntime-web is loaded: it is large, and useless without a GPU.
  if (!device && !ownDevice) await requestAdapter();
  const ort = given ?? (await importRuntime());
  if (wasmPaths !== undefined) ort.env.wasm.wasmPaths = wasmPaths;
  const context = device && (await usableContext(ort, device));
  if (context) return context;
  for (;;) {
    ownDevice ??= requestDevice();
    const requested = ownDevice;
    try {
      const own = await usableContext(ort, await requested);
      if (own) return own;
      forget(requested);
    } catch (error) {
      forget(requested);
      throw error;
    }
  }
}

/** Forgets latentflow's shared GPU device, unless another call has replaced it already. */
function forget(requested: Promise<GpuDevice>): void {
  if (ownDevice === requested) ownDevice = undefined;
}

/** Returns the context of a device; undefined if the device is lost. */
async function usableContext(ort: OnnxRuntime, device: GpuDevice): Promise<GpuContext | undefined> {
  const byRuntime = kept(contexts, device, () => new WeakMap());
  const context = kept(byRuntime, ort, () => makeContext(ort, device));
  // A device that was lost before reports so in the next task at the latest.
  await nextTask();
  return context.isLost() ? undefined : context;
}

/** Resolves in a new task, after a loss of a device has been reported. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

function makeContext(ort: OnnxRuntime, device: GpuDevice): GpuContext {
  const lost = new Interruption();
  const overdue = new Interruption();
  device.lost.then(({ message }) => {
    const error = new DeviceLost(message);
    lost.come(error);
    setTimeout(() => overdue.come(error), GRACE);
  });
  return { ort, device, isLost: () => lost.hasCome, lost, overdue };
}

/**
 * Requests the browser's GPU adapter; retries once if the answer is null, which browsers have been seen to give once.
 *
 * @throws LatentflowError `unsupported` if there is no WebGPU or no adapter
 */
export async function requestAdapter(): Promise<GpuAdapter> {
  // Node before 21 has no navigator; later versions' navigator has no gpu.
  const { gpu } = (globalThis.navigator ?? {}) as { readonly gpu?: Gpu };
  if (!gpu) {
    throw unsupported(
      "this runtime has no WebGPU (navigator.gpu); use wasm(). Browsers have it on pages served by HTTPS or from localhost",
    );
  }
  const options = { powerPreference: "high-performance" } as const;
  const adapter = (await gpu.requestAdapter(options)) ?? (await gpu.requestAdapter(options));
  if (!adapter) {
    throw unsupported("there is no adapter (no usable GPU); use wasm()");
  }
  return adapter;
}

async function requestDevice(): Promise<GpuDevice> {
  const adapter = await requestAdapter();
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  return adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
}

/** Formats an adapter's name for messages, such as "nvidia ampere". */
export function adapterName(info: GpuAdapterInfo | undefined): string {
  const { vendor, architecture, device, description } = info ?? {};
  return description || [vendor, architecture, device].filter(Boolean).join(" ") || "unknown adapter";
}

/** Returns true if an adapter is software on the CPU, which is slower than `wasm()`. */
export function isSoftware(info: GpuAdapterInfo | undefined): boolean {
  const names = [info?.vendor, info?.architecture, info?.device, info?.description].join(" ");
  return (
    info?.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|basic render|software/i.test(names)
  );
}
