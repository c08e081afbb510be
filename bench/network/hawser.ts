/** The measured code: `dist/`, as users get it. `../micro/hawser.ts` says why not `src/`. */

/** Found at run time: the compiled files of the children lie elsewhere, as deep in the tree. */
const DOOR = new URL("../../dist/index.js", import.meta.url).href;

/** Imported when it is asked for: the other rivals' processes do not hold it. */
export async function hawser(): Promise<typeof import("../../dist/index.js")> {
  return import(DOOR);
}

/** The face of ws. */
export async function hawserWs(): Promise<typeof import("../../dist/ws/index.js")> {
  return import(new URL("../../dist/ws/index.js", import.meta.url).href);
}

/** Whether dist/ has servers, which builds before they existed have not. */
export async function hasServe(): Promise<boolean> {
  return typeof (await hawser()).serve === "function";
}
