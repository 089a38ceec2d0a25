import { encodeSome } from "../program.js";

// At each request, not when the site is built.
export const dynamic = "force-dynamic";

export default async function Page() {
  return <pre id="report">{JSON.stringify(await encodeSome())}</pre>;
}
