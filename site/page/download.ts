/** Offers bytes to the visitor as a file. */
export function download(name: string, parts: Uint8Array | Blob): void {
  const blob = parts instanceof Blob ? parts : new Blob([parts as Uint8Array<ArrayBuffer>]);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Firefox reads the blob after the click has returned.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
