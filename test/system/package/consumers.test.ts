/**
 * The package as users meet it: packed, installed in an empty project, loaded by `import` and by `require`
 * on every supported Node, and type-checked without the types of Node.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { createFolder, install, npm, pack, removeFolder, root, run, runtimes } from "./support.js";

/** Runs in the project, as CommonJS and as ES module. */
const EXERCISE = `
function exercise({ main, codec, bufferutil, isValidUTF8 }) {
  const encoder = new codec.FrameEncoder({ role: "client" });
  encoder.text("a rope, ein Tau, 繩 🪢");
  encoder.binary(Uint8Array.from({ length: 70000 }, (_, i) => i));
  encoder.close(1000, "done");
  const decoder = new codec.FrameDecoder({ role: "server" });
  const bytes = encoder.take();
  const seen = [];
  for (let start = 0; start < bytes.length; start += 1000) {
    decoder.push(bytes.subarray(start, start + 1000));
    while (decoder.next()) {
      seen.push(decoder.opcode === codec.Opcode.Text ? decoder.text() : decoder.payload.length);
    }
  }
  const payload = Uint8Array.from([0x7f, 0x9f, 0x4d, 0x51, 0x58]);
  bufferutil.unmask(payload, Uint8Array.from([0x37, 0xfa, 0x21, 0x3d]));
  const masked = new Uint8Array(5);
  bufferutil.mask(payload, Uint8Array.from([0x37, 0xfa, 0x21, 0x3d]), masked, 0, 5);
  return {
    seen,
    error: decoder.error,
    backend: main.kernelBackend(),
    payload: String.fromCharCode(...payload),
    masked: [...masked],
    utf8: [typeof isValidUTF8, isValidUTF8(Uint8Array.of(0xc3, 0xa9)), isValidUTF8(Uint8Array.of(0xc3))],
    sameFunction: main.encodeFrame === codec.encodeFrame && main.mask === bufferutil.mask,
  };
}
`;

const EXPECTED = {
  seen: ["a rope, ein Tau, 繩 🪢", 70000, 6],
  backend: "wasm",
  payload: "Hello",
  masked: [0x7f, 0x9f, 0x4d, 0x51, 0x58],
  utf8: ["function", true, false],
  sameFunction: true,
};

const ES_MODULE = `${EXERCISE}
import * as main from "hawser";
import * as codec from "hawser/codec";
import * as bufferutil from "hawser/bufferutil";
import isValidUTF8 from "hawser/utf-8-validate";
console.log(JSON.stringify(exercise({ main, codec, bufferutil, isValidUTF8 })));
`;

const COMMONJS = `${EXERCISE}
const main = require("hawser");
const codec = require("hawser/codec");
const bufferutil = require("hawser/bufferutil");
const isValidUTF8 = require("hawser/utf-8-validate");
console.log(JSON.stringify(exercise({ main, codec, bufferutil, isValidUTF8 })));
`;

const NAMES = `
const names = {};
for (const door of ["", "/codec", "/bufferutil", "/utf-8-validate", "/package.json"]) {
  const it = require("hawser" + door);
  names[door] = typeof it === "function" ? "function " + it.name : Object.keys(it).length > 0;
}
names["/bufferutil"] = Object.keys(require("hawser/bufferutil")).filter((name) => name !== "default").sort();
console.log(JSON.stringify(names));
`;

/** Whether `require` and `import` give the same, for each entry point. */
const ONE_COPY = `
(async () => {
  const same = {};
  for (const door of ["", "/codec", "/protocol"]) {
    const required = require("hawser" + door);
    const imported = await import("hawser" + door);
    const names = Object.keys(imported).filter((name) => name !== "module.exports");
    same[door] = names.length > 10 && names.every((name) => required[name] === imported[name]);
  }
  const main = require("hawser");
  same.Connection = main.Connection === (await import("hawser")).Connection;
  same.codec = main.FrameDecoder === require("hawser/codec").FrameDecoder;
  same["/bufferutil"] = require("hawser/bufferutil").mask === (await import("hawser/bufferutil")).mask;
  same["/utf-8-validate"] = require("hawser/utf-8-validate") === (await import("hawser/utf-8-validate")).default;
  console.log(JSON.stringify(same));
})();
`;

/** Runs the program twice: as a server, and as a client that talks to it. */
const PROGRAM = `
import { spawn } from "node:child_process";
import { once } from "node:events";
const start = (...args) => {
  const file = "node_modules/hawser/dist/cli/index.js";
  return spawn(process.execPath, [file, ...args], { stdio: ["ignore", "pipe", "pipe"], timeout: 60000 });
};
const server = start("serve", "0", "--quiet");
const [line] = await once(server.stderr.setEncoding("utf8"), "data");
const client = start("connect", line.split(" ").at(-1).trim(), "-x", "a rope");
let shown = "";
client.stdout.setEncoding("utf8").on("data", (text) => { shown += text; });
await once(client, "close");
server.kill("SIGTERM");
const [code] = await once(server, "close");
if (code !== 0) throw new Error("the server ended with " + code);
process.stdout.write(shown);
`;

/** The buffer that Node reads into, on both sides, and whether messages come that way. */
const READS = `
import { connect, serve } from "hawser";
const bufferOf = ({ socket }) => {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "kBuffer");
  return socket[symbol]?.byteLength;
};
const server = await serve({ hostname: "127.0.0.1", message(connection, message) {
  connection.send(bufferOf(connection) + " " + message.data);
} });
const connection = await connect(server.url);
connection.send("a rope");
console.log(bufferOf(connection) + " " + (await connection.receive()).data);
await connection.close();
await server.close();
`;

const TYPED = `
import { encodeText, FrameDecoder, type Frame, type FrameDecoderOptions, kernelBackend } from "hawser/codec";
import { decodeFrame, FrameEncoder, Opcode, ProtocolError, type Role } from "hawser/codec";
import { Endpoint, type Message } from "hawser/protocol";
import { mask, unmask } from "hawser/bufferutil";
import isValidUTF8 from "hawser/utf-8-validate";

const role: Role = "server";
const options: FrameDecoderOptions = { role, maxFrameSize: 1024 };
const decoder = new FrameDecoder(options);
decoder.push(encodeText("hi", { mask: true }));
while (decoder.next()) {
  const opcode: number = decoder.opcode;
  const payload: Uint8Array = decoder.payload;
  if (opcode === Opcode.Text) console.log(decoder.text(), payload.length);
}
if (decoder.error instanceof ProtocolError) console.log(decoder.error.code, decoder.error.closeCode);
const frame: Frame | undefined = decodeFrame(new Uint8Array(2)).frame;
const encoder = new FrameEncoder({ role: "client", generateMaskingKey: () => 1 });
encoder.frame(Opcode.Binary, new Uint8Array(3), { fin: false });
unmask(encoder.take(), [1, 2, 3, 4]);
mask(new Uint8Array(1), new Uint8Array(4), new Uint8Array(1), 0, 1);
const valid: boolean = isValidUTF8(new Uint8Array(1));
const backend: "wasm" | "reference" = kernelBackend();
const endpoint = new Endpoint({ role });
const message: Message | null = endpoint.nextEvent();
console.log(frame, valid, backend, message);
// @ts-expect-error a role is needed
new FrameDecoder({});
// @ts-expect-error no such role
new FrameEncoder({ role: "proxy" });
// @ts-expect-error only bytes and strings are payloads
encoder.binary([1, 2, 3]);
`;

/** Types that have sockets. */
const TYPED_NODE = `
import { type Connection, connect, type Message, type Server, serve } from "hawser";

interface User { readonly name: string }
const server: Server = await serve<User>({
  port: 0,
  authorize: (request) => ({ data: { name: request.headers.host ?? "" } }),
  message(connection, message: Message) {
    const more: boolean | undefined = connection.send(connection.data.name);
    if (!more) connection.close(1013);
  },
  // @ts-expect-error a handler that does not exist
  mesage() {},
});
const connection: Connection = await connect(server.url);
for await (const { data } of connection) console.log(typeof data === "string" ? data : data.length);
// @ts-expect-error a number is not a message
connection.send(5);
`;

/** What the sources are checked by, too. */
const TYPED_CONNECTIONS = readFileSync(path.join(root, "test/types/connections.ts"), "utf8").replace(
  "../../src/index.js",
  "hawser",
);

const TYPED_COMMONJS = `
import hawser = require("hawser/codec");
import isValidUTF8 = require("hawser/utf-8-validate");
import { mask } from "hawser/bufferutil";
import { Endpoint } from "hawser/protocol";
const valid: boolean = isValidUTF8(new Uint8Array(1));
mask(new Uint8Array(1), new Uint8Array(4), new Uint8Array(1), 0, 1);
console.log(hawser.isControl(8), valid, new Endpoint({ role: "server" }));
// @ts-expect-error a string is not a buffer
isValidUTF8("text");
`;

/** TypeScripts from the oldest that is supported on; the one of this project is tested apart. */
const TYPESCRIPTS = ["5.4", "5.6", "5.8", "5.9"];
const compilerOf = (version: string) => `typescript-${version}`;

const RESOLUTIONS = [
  ["node16", "node16"],
  ["nodenext", "nodenext"],
  ["esnext", "bundler"],
];

/** Strict, and without skipLibCheck: our declarations themselves are checked. No types of Node. */
const COMPILER_OPTIONS = {
  strict: true,
  skipLibCheck: false,
  noEmit: true,
  target: "ES2022",
  lib: ["ES2022", "DOM"],
  types: [],
  verbatimModuleSyntax: false,
};

describe("an installed package", () => {
  let folder = "";
  let tarball = "";
  let nodes: Map<string, string>;

  before(async () => {
    folder = await createFolder({
      "esm.mjs": ES_MODULE,
      "commonjs.cjs": COMMONJS,
      "names.cjs": NAMES,
      "one-copy.cjs": ONE_COPY,
      "program.mjs": PROGRAM,
      "reads.mjs": READS,
      "typed.ts": TYPED,
      "typed-node.ts": TYPED_NODE,
      "typed-connections.ts": TYPED_CONNECTIONS,
      "typed-commonjs.cts": TYPED_COMMONJS,
      "tsconfig.nodenext.json": {
        compilerOptions: { ...COMPILER_OPTIONS, module: "nodenext" },
        files: ["typed.ts", "typed-commonjs.cts"],
      },
      "tsconfig.bundler.json": {
        compilerOptions: { ...COMPILER_OPTIONS, module: "esnext", moduleResolution: "bundler" },
        files: ["typed.ts"],
      },
      ...Object.fromEntries(
        RESOLUTIONS.map(([module, moduleResolution]) => [
          `tsconfig.all-${moduleResolution}.json`,
          {
            compilerOptions: {
              ...COMPILER_OPTIONS,
              lib: ["ES2022", "ESNext.Disposable", "DOM"],
              types: ["node"],
              module,
              moduleResolution,
            },
            files: [
              ...["typed.ts", "typed-node.ts", "typed-connections.ts"],
              ...(module === "esnext" ? [] : ["typed-commonjs.cts"]),
            ],
          },
        ]),
      ),
      // Without `types`: the package itself asks for those of Node.
      "tsconfig.node.json": {
        compilerOptions: {
          ...COMPILER_OPTIONS,
          lib: ["ES2022", "ESNext.Disposable", "DOM"],
          module: "nodenext",
          skipLibCheck: true,
        },
        files: ["typed-node.ts"],
      },
      // As programs for Node are compiled: nothing of a page's.
      "tsconfig.no-dom.json": {
        compilerOptions: { ...COMPILER_OPTIONS, lib: ["ES2023"], types: ["node"], module: "nodenext" },
        files: ["typed-node.ts"],
      },
    });
    const { filename } = await pack(folder);
    tarball = path.join(folder, filename);
    const compilers = TYPESCRIPTS.map((version) => [compilerOf(version), `npm:typescript@${version}`]);
    const dependencies = {
      hawser: `file:${filename}`,
      "@types/node": "^20",
      ...Object.fromEntries(compilers),
    };
    const manifest = { private: true, type: "module", dependencies };
    await writeFile(path.join(folder, "package.json"), JSON.stringify(manifest));
    [nodes] = await Promise.all([runtimes(), install(folder)]);
  });
  after(() => removeFolder(folder));

  for (const [name, script] of [
    ["import", "esm.mjs"],
    ["require()", "commonjs.cjs"],
  ]) {
    test(`works by ${name} on every Node, without a warning`, async (t) => {
      for (const [node, executable] of nodes) {
        await t.test(node, async () => {
          const { stdout, stderr } = await run(executable, [script], folder);
          assert.equal(stderr, "");
          assert.deepEqual(JSON.parse(stdout), EXPECTED);
        });
      }
    });
  }

  test("gives require() what the packages it stands in for give", async (t) => {
    for (const [node, executable] of nodes) {
      await t.test(node, async () => {
        const { stdout } = await run(executable, ["names.cjs"], folder);
        assert.deepEqual(JSON.parse(stdout), {
          "": true,
          "/codec": true,
          "/bufferutil": ["mask", "unmask"],
          "/utf-8-validate": "function isValidUTF8",
          "/package.json": true,
        });
      });
    }
  });

  test("is there once, by import and by require() alike", async (t) => {
    for (const [node, executable] of nodes) {
      await t.test(node, async () => {
        const { stdout, stderr } = await run(executable, ["one-copy.cjs"], folder);
        assert.equal(stderr, "");
        const same = JSON.parse(stdout);
        assert.equal(Object.keys(same).length, 7);
        assert.deepEqual(
          Object.entries(same).filter(([, isSame]) => isSame !== true),
          [],
        );
      });
    }
  });

  test("is there where Node cannot require ES modules, too", async () => {
    const options = ["--no-experimental-require-module"];
    const { stdout, stderr } = await run(process.execPath, [...options, "commonjs.cjs"], folder);
    assert.equal(stderr, "");
    assert.deepEqual(JSON.parse(stdout), EXPECTED);
  });

  test("has no script that npm would have to run, or to warn of", async () => {
    const project = await createFolder({ "package.json": { private: true } });
    try {
      const { stdout, stderr } = await npm(["install", "--no-audit", "--no-fund", tarball], project);
      assert.doesNotMatch(stdout + stderr, /warn|script/i);
      const { stdout: listed } = await npm(["ls", "--all", "--json"], project);
      assert.deepEqual(Object.keys(JSON.parse(listed).dependencies), ["hawser"], "and nothing beside it");
    } finally {
      await removeFolder(project);
    }
  });

  test("has a program that npx runs", async () => {
    const { stdout } = await npm(["exec", "--no", "--", "hawser", "--version"], folder);
    const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
    assert.equal(stdout, `${version}\n`);
  });

  test("has a program that serves and connects on every Node", async (t) => {
    for (const [node, executable] of nodes) {
      await t.test(node, async () => {
        const { stdout, stderr } = await run(executable, ["program.mjs"], folder);
        assert.equal(stderr, "");
        assert.equal(stdout, "a rope\n");
      });
    }
  });

  test("runs on Node 22, 24 and 26 in fact", async () => {
    const versions: string[] = [];
    for (const executable of nodes.values()) versions.push((await run(executable, ["-v"], folder)).stdout);
    assert.deepEqual(
      versions.slice(1).map((version) => version.split(".")[0]),
      ["v22", "v24", "v26"],
    );
  });

  for (const resolution of ["nodenext", "bundler"]) {
    test(`has types that resolve by "${resolution}", and without sockets need no @types/node`, async () => {
      const compiler = path.join(root, "node_modules/typescript/bin/tsc");
      await run(process.execPath, [compiler, "-p", `tsconfig.${resolution}.json`], folder);
    });
  }

  for (const version of TYPESCRIPTS) {
    for (const [, resolution] of RESOLUTIONS) {
      test(`has types for TypeScript ${version}, by "${resolution}"`, async () => {
        const compiler = path.join("node_modules", compilerOf(version), "bin/tsc");
        await run(process.execPath, [compiler, "-p", `tsconfig.all-${resolution}.json`], folder);
      });
    }
  }

  test("has types of servers and clients, which need those of Node and ask for them", async () => {
    const compiler = path.join(root, "node_modules/typescript/bin/tsc");
    for (const name of ["node", "no-dom"]) {
      await run(process.execPath, [compiler, "-p", `tsconfig.${name}.json`], folder);
    }
  });

  test("reads straight into the kernel's memory on every Node", async (t) => {
    for (const [node, executable] of nodes) {
      await t.test(node, async () => {
        const { stdout, stderr } = await run(executable, ["reads.mjs"], folder);
        assert.equal(stderr, "");
        // Messages of the client wait for `receive`: so much is not read at a time that they could all be held.
        assert.equal(stdout, "49152 524288 a rope\n");
      });
    }
  });
});
