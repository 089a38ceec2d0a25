/** Addresses in messages, which leave out users, passwords, queries and fragments, as the package's do. */
export { withoutSecrets, wordsWithoutSecrets } from "../../src/base/show.ts";
