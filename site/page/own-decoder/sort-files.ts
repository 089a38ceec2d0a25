/** Files that were dropped together, sorted by their purpose. */
export interface SortedFiles {
  readonly decoder: File | undefined;
  /** A picture or an array. */
  readonly samples: File | undefined;
  /** Surplus files, after the first of each kind. */
  readonly rest: readonly File[];
}

const SAMPLES = /\.(npy|npz|idx|gz|png|jpe?g|gif|webp)$/i;

/**
 * Sorts files by their names and types. Files of unknown kind count as decoders, whose reader recognises PyTorch's files
 * and others.
 */
export function sortFiles(files: readonly File[]): SortedFiles {
  const isSamples = ({ name, type }: File) => SAMPLES.test(name) || type.startsWith("image/");
  const samples = files.find(isSamples);
  const decoder = files.find((file) => !isSamples(file));
  return { decoder, samples, rest: files.filter((file) => file !== samples && file !== decoder) };
}
