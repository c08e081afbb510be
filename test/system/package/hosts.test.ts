/**
 * The package away from Node: bundled for a page, without Buffer and process, and without WebAssembly.
 * Every host must give the same bytes and the same text.
 */

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { type BuildResult, build } from "esbuild";
import { createFolder, install, pack, removeFolder, run } from "./support.js";

/**
 * Round trips through a codec; the result is the same on every host. Texts sit on both sides of the
 * lengths where the codec changes its ways, and are cut into chunks of any size.
 */
const SUITE = `
export function suite(codec) {
  const { FrameDecoder, FrameEncoder, Opcode } = codec;
  const texts = ["", "plain ASCII", "Grüße, 東京 🚢", "\\ufeffBOM stays", "lone \\ud800 surrogate \\udc00"];
  for (const unit of ["x", "ß", "語", "🪢"]) {
    for (const count of [7, 8, 23, 24, 25, 63, 125, 126, 4000, 33000]) texts.push(unit.repeat(count));
    texts.push("a" + unit.repeat(22000) + "z");
  }
  const data = Uint8Array.from({ length: 70000 }, (_, i) => i * 31);
  const failures = [];
  const expect = (what, actual, expected) => {
    if (actual !== expected) failures.push(what + ": " + String(actual).slice(0, 40));
  };
  let hash = 0;
  const add = (bytes) => {
    for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) | 0;
  };
  for (const role of ["client", "server"]) {
    let key = 1;
    const generateMaskingKey = () => (key = Math.imul(key, 0x9e3779b1));
    const encoder = new FrameEncoder({ role, generateMaskingKey });
    for (const text of texts) encoder.text(text);
    for (const size of [0, 1, 15, 16, 17, 125, 126, 65535, 65536, 70000]) {
      encoder.binary(data.subarray(0, size));
    }
    encoder.ping("ping ü");
    encoder.close(1000, "Ende: 終");
    const wire = encoder.take();
    add(wire);
    for (const chunkLength of [1000, 4093, 65536, wire.length]) {
      const decoder = new FrameDecoder({ role: role === "client" ? "server" : "client" });
      let index = 0;
      let binaryLength = 0;
      for (let start = 0; start < wire.length; start += chunkLength) {
        decoder.push(new Uint8Array(wire.subarray(start, start + chunkLength)));
        while (decoder.next()) {
          if (decoder.opcode === Opcode.Text) {
            const text = texts[index++].replace(/\\p{Surrogate}/gu, "\\ufffd");
            expect("text " + index, decoder.text(), text);
          } else if (decoder.opcode === Opcode.Close) {
            expect("reason", codec.decodeCloseBody(decoder.payload).reason, "Ende: 終");
          } else {
            binaryLength += decoder.payload.length;
            add(decoder.payload);
          }
        }
      }
      expect("error", decoder.error, undefined);
      expect("texts", index, texts.length);
      expect("binary", binaryLength, 0 + 1 + 15 + 16 + 17 + 125 + 126 + 65535 + 65536 + 70000 + 7);
    }
  }
  const bad = new FrameDecoder({ role: "client" });
  bad.push(Uint8Array.of(0x81, 3, 0x61, 0xc0, 0xaf));
  expect("invalid text is not delivered", bad.next(), false);
  expect("code", bad.error.code, "WS_ERR_INVALID_UTF8");
  expect("offset", bad.error.offset, 3);
  expect("fresh keys", codec.encodeText("x".repeat(40), { mask: true }).length, 46);
  return { failures, hash, backend: codec.kernelBackend() };
}
`;

/** Takes a global away before anything of ours is loaded, and says what became of it. */
const WITHOUT = (names: readonly string[], module: string) => `
const { log } = console;
for (const name of ${JSON.stringify(names)}) delete globalThis[name];
const { suite } = await import("./suite.mjs");
const codec = await import(${JSON.stringify(module)});
const gone = ${JSON.stringify(names)}.every((name) => typeof globalThis[name] === "undefined");
log(JSON.stringify({ ...suite(codec), gone }));
`;

const HOSTS: readonly { name: string; lacks: readonly string[]; backend: string }[] = [
  { name: "Node", lacks: [], backend: "wasm" },
  { name: "a host without Buffer", lacks: ["Buffer"], backend: "wasm" },
  { name: "a host without Buffer and process", lacks: ["Buffer", "process"], backend: "wasm" },
  { name: "Node without WebAssembly", lacks: ["WebAssembly"], backend: "reference" },
  { name: "a host without all three", lacks: ["Buffer", "process", "WebAssembly"], backend: "reference" },
];

describe("hosts", () => {
  let folder = "";

  before(async () => {
    const files: Record<string, string> = { "suite.mjs": SUITE };
    HOSTS.forEach(({ lacks }, i) => {
      files[`installed${i}.mjs`] = WITHOUT(lacks, "hawser/codec");
      files[`bundled${i}.mjs`] = WITHOUT(lacks, "./page.mjs");
    });
    folder = await createFolder(files);
    const { filename } = await pack(folder);
    const manifest = { private: true, dependencies: { hawser: `file:${filename}` } };
    await writeFile(`${folder}/package.json`, JSON.stringify(manifest));
    await install(folder);
  });
  after(() => removeFolder(folder));

  /** Bundles an entry for pages, as a user of the installed package would. */
  function bundle(contents: string): Promise<BuildResult> {
    return build({
      stdin: { contents, resolveDir: folder },
      outfile: `${folder}/page.mjs`,
      bundle: true,
      platform: "browser",
      format: "esm",
      logLevel: "silent",
      metafile: true,
      absWorkingDir: folder,
    });
  }

  let hash: number | undefined;

  for (const [index, { name, lacks, backend }] of HOSTS.entries()) {
    test(`the installed package works on ${name}`, async () => {
      const { stdout, stderr } = await run(process.execPath, [`installed${index}.mjs`], folder);
      assert.equal(stderr, "");
      const result = JSON.parse(stdout);
      assert.deepEqual(result.failures, []);
      assert.equal(result.gone, true, `${lacks} did go`);
      assert.equal(result.backend, backend);
      hash ??= result.hash;
      assert.equal(result.hash, hash, "the bytes on the wire are the same everywhere");
    });
  }

  describe("a bundle for pages", () => {
    let result: BuildResult;
    let code = "";

    before(async () => {
      result = await bundle('export * from "hawser/codec"; export * as everything from "hawser";');
      code = await readFile(`${folder}/page.mjs`, "utf8");
    });

    test("comes without a warning", () => assert.deepEqual(result.warnings, []));

    test("imports nothing, of Node least of all", () => {
      assert.doesNotMatch(code, /\bfrom\s*["']|\bimport\s*["'(]/);
      // A host that is Node is asked for what it has built in, and gives it without an import.
      assert.doesNotMatch(code.replace('getBuiltinModule?.("node:crypto")', ""), /["']node:/);
      assert.doesNotMatch(code, /\brequire\s*\(/);
    });

    for (const [index, { name, backend }] of HOSTS.entries()) {
      test(`works on ${name}`, async () => {
        const { stdout, stderr } = await run(process.execPath, [`bundled${index}.mjs`], folder);
        assert.equal(stderr, "");
        const { failures, gone, backend: used } = JSON.parse(stdout);
        assert.deepEqual({ failures, gone, used }, { failures: [], gone: true, used: backend });
      });
    }
  });

  for (const [kind, entry] of [
    ["imports", 'export { connect, isControl } from "hawser"; export { mask } from "hawser/codec";'],
    ["requires", 'Object.assign(exports, require("hawser"), { mask: require("hawser/codec").mask });'],
  ]) {
    test(`React Native gets the build for browsers where it ${kind} it, and loads it without what it lacks`, async () => {
      await writeFile(`${folder}/native.js`, entry);
      const { metafile, warnings } = await build({
        entryPoints: ["native.js"],
        outfile: `${folder}/native.cjs`,
        absWorkingDir: folder,
        bundle: true,
        platform: "neutral",
        // Those of Metro, beside `import` or `require`.
        conditions: ["react-native"],
        format: "cjs",
        metafile: true,
      });
      assert.deepEqual(warnings, []);
      const files = Object.keys(metafile.inputs).join(" ");
      assert.match(files, kind === "imports" ? /dist\/index\.browser\.js/ : /dist\/index\.browser\.cjs/);
      assert.doesNotMatch(files, /dist\/node\//);
      assert.doesNotMatch(files, kind === "imports" ? /\.cjs/ : /hawser\/dist\/[^ ]*\.js\b/, "one copy");
      const lacks = [
        "TextDecoder",
        "TextEncoder",
        "WebAssembly",
        "Atomics",
        "SharedArrayBuffer",
        "Buffer",
        "process",
      ];
      const without = lacks.map((name) => `delete globalThis.${name};`).join(" ");
      const script = `const { log } = console; ${without}
const { connect, isControl, mask } = require("./native.cjs");
log(typeof connect, isControl(9), typeof mask);`;
      await writeFile(`${folder}/run-native.cjs`, script);
      const { stdout } = await run(process.execPath, ["run-native.cjs"], folder);
      assert.equal(stdout, "function true function\n");
    });
  }

  for (const door of ["hawser", "hawser/codec"]) {
    test(`a bundle that needs one function of ${door} leaves the kernel out`, async () => {
      const { metafile } = await bundle(`import { isControl } from "${door}"; console.log(isControl(9));`);
      const [output] = Object.values(metafile?.outputs ?? {});
      const kept = Object.entries(output.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
      const files = kept.map(([file]) => file.replace(/^.*hawser\//, "").replace(/-[^-]*\.js$/, ""));
      assert.deepEqual(files.sort(), ["<stdin>", "dist/shared/chunk"]);
      assert.ok(output.bytes < 1536, `has ${output.bytes} bytes`);
      const { stdout } = await run(process.execPath, ["page.mjs"], folder);
      assert.equal(stdout, "true\n");
    });
  }
});
