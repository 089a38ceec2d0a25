// How Vite is asked for the URL of a worker that it bundles.
declare module "*?worker&url" {
  const url: string;
  export default url;
}
