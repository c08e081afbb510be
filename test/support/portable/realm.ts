/**
 * Stands in for `node:vm` where there is none: Uint8Array of another realm. A page has one in a frame. A worker has
 * none, so there its arrays get a prototype of their own, which makes the difference that matters: they are no
 * `instanceof Uint8Array`.
 */

/** A prototype that does the same and is another, as is the one above it. */
function copyPrototype(prototype: object): object {
  const above = Object.getPrototypeOf(prototype) as object;
  const parent = above === Object.prototype ? above : copyPrototype(above);
  return Object.create(parent, Object.getOwnPropertyDescriptors(prototype)) as object;
}

function foreignUint8Array(): unknown {
  if (typeof document !== "undefined") {
    const frame = document.body.appendChild(document.createElement("iframe"));
    return Reflect.get(frame.contentWindow as object, "Uint8Array");
  }
  const prototype = copyPrototype(Uint8Array.prototype);
  return { from: (bytes: Uint8Array) => Object.setPrototypeOf(new Uint8Array(bytes), prototype) as unknown };
}

export function runInNewContext(code: string): unknown {
  if (code !== "Uint8Array") throw new Error(`there is no other realm to run ${code} in`);
  return foreignUint8Array();
}
