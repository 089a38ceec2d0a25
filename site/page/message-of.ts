/** Message of whatever was thrown, to be shown. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** Message for a visitor, who has called no function: without the name of the package's function at its beginning. */
export function visitorsMessageOf(cause: unknown): string {
  return messageOf(cause).replace(/^([a-z]+[A-Z]\w*|encode|decode|train): /, "");
}
