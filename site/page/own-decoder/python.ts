/** The lines of Python that convert a decoder, at the end of the message of an error `needs_conversion`; else undefined. */
export function pythonIn(message: string): string | undefined {
  return /from latentflow_export import .+$/.exec(message)?.[0].replace("; ", "\n");
}
