/// <reference types="vite/types/importMeta.d.ts" />

/** A safetensors file imported as bytes: see safetensorsPlugin.ts. */
declare module '*.safetensors' {
  const bytes: Uint8Array;
  export default bytes;
}
