/** A .wgsl file imported as text: the bundler and the test runner both load it so. */
declare module '*.wgsl' {
  const source: string;
  export default source;
}
