/** Returns the message of any thrown value. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** Returns the message of any thrown value for a visitor: without the package's function name at its beginning. */
export function visitorsMessageOf(cause: unknown): string {
  return messageOf(cause).replace(/^([a-z]+[A-Z]\w*|encode|decode|train): /, "");
}
