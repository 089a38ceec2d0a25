/** Offers bytes to the visitor as a file download. */
export function download(name: string, parts: Uint8Array | Blob): void {
  const blob = parts instanceof Blob ? parts : new Blob([parts as Uint8Array<ArrayBuffer>]);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Revoked later, as Firefox reads the blob only after the click has returned.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
