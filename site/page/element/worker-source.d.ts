// The worker's code, as one text: scripts/build-element.mjs makes it.
declare module "worker-source" {
  const source: string;
  export default source;
}
