/**
 * The documents against the code: every code block is type-checked and run, every command exists, and every export and
 * error code is described. test/links.test.ts checks links.
 */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { symlink } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { type ParseArgsConfig, parseArgs } from "node:util";
import * as browser from "../../src/browser/index.js";
import * as bench from "../../src/cli/bench.js";
import * as connect from "../../src/cli/connect.js";
import * as serve from "../../src/cli/serve.js";
import * as codec from "../../src/codec/index.js";
import * as node from "../../src/node/index.js";
import * as protocol from "../../src/protocol/index.js";
import { createFolder, removeFolder, root, run } from "./package/support.js";

const DOCUMENTS = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(path.join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

interface Block {
  readonly document: string;
  readonly line: number;
  /** The text after the fence: a language. `ts check` is only type-checked, `ts listening` runs in deployment.test.ts. */
  readonly info: string;
  readonly code: string;
}

function blocksOf(document: string, text: string): Block[] {
  const found: Block[] = [];
  for (const match of text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)) {
    const line = text.slice(0, match.index).split("\n").length;
    found.push({ document, line, info: match[1], code: match[2] });
  }
  return found;
}

const texts = new Map(DOCUMENTS.map((name) => [name, readFileSync(path.join(root, name), "utf8")]));
const blocks = [...texts].flatMap(([name, text]) => blocksOf(name, text));
const where = ({ document, line }: Block) => `${document}:${line}`;

const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

const PROGRAM: Readonly<Record<string, ParseArgsConfig["options"]>> = {
  serve: serve.OPTIONS,
  connect: connect.OPTIONS,
  bench: bench.OPTIONS,
};

/** Errors in the arguments of `npx hawser`. */
function problemOfProgram(command: string): string | undefined {
  const [, , name = "", ...args] = command.replace(/ [<>|] .*$/, "").match(/'[^']*'|\S+/g) ?? [];
  if (["--help", "--version"].includes(name)) return undefined;
  const options = PROGRAM[name];
  if (options === undefined) return `there is no command ${name}`;
  try {
    parseArgs({ args, options, allowPositionals: true });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Errors in a line of shell: it must be a command of ours that exists. */
function problemOf(command: string): string | undefined {
  const words = command.trim().split(/\s+/);
  if (words[0] === "npx" && words[1] === "hawser") return problemOfProgram(command.trim());
  const script = words[0] === "npm" && words[1] === "run" ? words[2] : words[1];
  if (words[0] === "npm") {
    if (["ci", "pack"].includes(script)) return undefined;
    if (script === "install") return words[2] === "hawser" ? undefined : `installs ${words[2]}`;
    return scripts[script] === undefined ? `there is no script ${script}` : undefined;
  }
  if (words[0] === "bash" || words[0] === "node") {
    const file = words.slice(1).find((word) => /[./]/.test(word));
    return file !== undefined && existsSync(path.join(root, file)) ? undefined : `there is no ${file}`;
  }
  return `unknown command ${words[0]}`;
}

describe("code blocks", () => {
  const typed = blocks.filter(({ info }) => /^ts\b/.test(info));
  const plain = blocks.filter(({ info }) => info === "js");
  const nameOf = (block: Block) => `${path.basename(block.document, ".md")}-${block.line}`;
  let folder = "";

  before(async () => {
    const files: Record<string, string | object> = {
      "package.json": { private: true, type: "module" },
      "tsconfig.json": {
        extends: path.join(root, "tsconfig.json"),
        compilerOptions: {
          typeRoots: [path.join(root, "node_modules/@types")],
          noUnusedLocals: false,
          noUnusedParameters: false,
        },
        include: ["*.ts"],
      },
    };
    // An export makes a module of a block that imports nothing.
    for (const block of typed) files[`${nameOf(block)}.ts`] = `${block.code}\nexport {};\n`;
    for (const block of plain) {
      files[`${nameOf(block)}.${/\brequire\(/.test(block.code) ? "cjs" : "js"}`] = block.code;
    }
    folder = await createFolder({ ...files, "node_modules/@types/.keep": "" });
    await symlink(root, path.join(folder, "node_modules/hawser"), "junction");
    // Frameworks of the recipes, and brokers of docs/topics.md.
    for (const name of ["express", "@types/express", "fastify", "jose", "redis", "@nats-io"]) {
      await symlink(
        path.join(root, "node_modules", name),
        path.join(folder, "node_modules", name),
        "junction",
      );
    }
  });
  after(() => removeFolder(folder));

  test("there are some to check", () => assert.ok(typed.length > 0 && plain.length > 0));

  test("have languages that are checked here", () => {
    // The worker runs in test/system/package/workerd.test.ts, the page in test/browser/bundles.test.ts, servers of
    // other programs in test/system/deployment.test.ts.
    const frameworks = ["js nest", "js next", "js vite"]; // in test/system/recipes.test.ts
    const observers = ["js prometheus", "js opentelemetry"]; // in test/system/observability
    const elsewhere = [
      "js worker",
      "html",
      "ts listening",
      "nginx",
      "haproxy",
      "ini",
      ...frameworks,
      ...observers,
    ];
    const known = ["", "ts", "ts check", "js", "json", "sh", ...elsewhere];
    assert.deepEqual(
      blocks.filter(({ info }) => !known.includes(info)).map((block) => `${where(block)}: ${block.info}`),
      [],
    );
  });

  test("in TypeScript are well typed", async () => {
    const compiler = path.join(root, "node_modules/typescript/bin/tsc");
    await run(process.execPath, [compiler, "-p", "tsconfig.json"], folder);
  });

  for (const block of [...typed, ...plain]) {
    if (block.info !== "ts" && block.info !== "js") continue;
    test(`${where(block)} runs`, async () => {
      const name = readdirSync(folder).find((file) => path.parse(file).name === nameOf(block));
      const { stderr } = await run(
        process.execPath,
        ["--import", import.meta.resolve("tsx"), String(name)],
        folder,
      );
      // Node 20 warns of its own timers for tests.
      const warning =
        /^\(node:\d+\) ExperimentalWarning: The MockTimers API .*\n\(Use `node --trace-warnings .*\n/;
      assert.equal(stderr.replace(warning, ""), "");
    });
  }

  for (const block of blocks.filter(({ info }) => info === "json")) {
    test(`${where(block)} is JSON`, () => JSON.parse(block.code));
  }

  for (const block of blocks.filter(({ info }) => info === "sh")) {
    test(`${where(block)} has commands that exist`, () => {
      const commands = block.code.trim().split(/\n|&&/);
      assert.deepEqual(
        commands.map(problemOf).filter((problem) => problem !== undefined),
        [],
      );
    });
  }

  test("and the check of commands can fail", () => {
    for (const command of [
      "npm run nothing",
      "npm nothing",
      "make",
      "bash .ci/nothing",
      "npm install left",
      "npx left",
      "npx hawser dance",
      "npx hawser serve --nothing",
    ]) {
      assert.notEqual(problemOf(command), undefined, command);
    }
  });
});

describe("the example", () => {
  test("prints its frames, the message of fragments and the violation", async () => {
    const script = path.join(root, "examples/decode-capture.ts");
    const { stdout, stderr } = await run(process.execPath, ["--import", "tsx", script], root);
    assert.equal(stderr, "");
    assert.match(stdout, /^ {7}0 {4}1 {4}0 1 text +37fa213d +6 B +5 B {2}"Hello"$/m);
    assert.match(stdout, /message of fragments: 35 B {2}"Grüße aus Łódź und 東京 🚢"/);
    assert.match(stdout, /8 close .* 1000 "bis morgen"/);
    assert.match(stdout, /^ {6}30 {2}WS_ERR_INVALID_UTF8, close code 1007$/m);
    assert.doesNotMatch(stdout, /never decoded/);
  });
});

/** The names that a document lacks, or that several lack together. */
function missingIn(documents: string | readonly string[], names: readonly string[]): string[] {
  const text = [documents]
    .flat()
    .map((document) => texts.get(document))
    .join("\n");
  return names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text));
}

/** Members of a class that only its subclasses call; the language knows them as `protected`, the runtime does not. */
const PROTECTED = ["answerQuietly", "control", "violated", "endInput", "stopInput"];

/** The members of a class and of those that it extends. */
function membersOf(type: { prototype: object }): string[] {
  const members: string[] = [];
  for (let each = type.prototype; each !== Object.prototype; each = Object.getPrototypeOf(each)) {
    members.push(...Object.getOwnPropertyNames(each));
  }
  return members.filter((name) => name !== "constructor" && !PROTECTED.includes(name));
}

describe("docs/protocol.md", () => {
  test("names every export, and every member of the classes", () => {
    const endpoint = new protocol.Endpoint({ role: "server" });
    const names = [
      ...Object.keys(protocol),
      ...membersOf(protocol.Endpoint),
      ...Object.keys(endpoint),
      ...membersOf(protocol.MessageReader),
      ...Object.keys(new protocol.MessageReader()),
    ];
    assert.deepEqual(missingIn("docs/protocol.md", names), []);
  });

  test("names every option of compression", () => {
    const source = readFileSync(path.join(root, "src/protocol/handshake/deflate-offer.ts"), "utf8");
    const options = [...source.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, option]) => option);
    assert.equal(options.length, 7);
    assert.deepEqual(missingIn("docs/protocol.md", options), []);
  });
});

/** The pages about `hawser` on Node. */
const NODE_PAGES = ["server", "client", "connection", "compression"].map((name) => `docs/${name}.md`);

describe("the pages about servers, clients and connections", () => {
  test("names every export, and every member of the classes", () => {
    const names = [...Object.keys(node), ...membersOf(node.Connection), ...membersOf(node.Server)];
    assert.deepEqual(missingIn(NODE_PAGES, names), []);
  });

  test("names every option and handler", () => {
    const files = ["node/connection-options", "node/liveness", "node/upgrade-options", "node/server"];
    const shared = [
      "protocol/session/endpoint-options",
      "protocol/session/message-framer",
      "protocol/connection/retry",
      "protocol/connection/buffer-limits",
    ];
    const sources = [...files, "node/client", "node/create-connection", ...shared];
    for (const name of sources) {
      const source = readFileSync(path.join(root, `src/${name}.ts`), "utf8");
      const options = [...source.matchAll(/^ {2}(?:readonly )?(\w+)\?[:(]/gm)].map(([, option]) => option);
      assert.ok(options.length > 2, name);
      assert.deepEqual(missingIn(NODE_PAGES, options), [], name);
    }
  });

  test("names every channel", () => {
    const source = readFileSync(path.join(root, "src/node/diagnostics.ts"), "utf8");
    const channels = [...source.matchAll(/channel\("(.+?)"\)/g)].map(([, name]) => name);
    assert.equal(channels.length, 6);
    assert.deepEqual(missingIn(NODE_PAGES, channels), []);
  });
});

describe("docs/browser.md", () => {
  test("names every export, and every member of the connection", () => {
    const socket = Object.assign(new EventTarget(), { readyState: 1 }) as WebSocket;
    const connection = browser.createConnection(socket);
    const names = [...Object.keys(browser), ...membersOf(browser.Connection), ...Object.keys(connection)];
    assert.deepEqual(missingIn("docs/browser.md", names), []);
  });

  test("names every option and handler", () => {
    for (const name of ["browser/connection-options", "browser/client", "browser/connection"]) {
      const source = readFileSync(path.join(root, `src/${name}.ts`), "utf8");
      const options = [...source.matchAll(/^ {2}(?:readonly )?(\w+)\?[:(]/gm)].map(([, option]) => option);
      assert.ok(options.length > 0, name);
      assert.deepEqual(missingIn("docs/browser.md", options), [], name);
    }
  });
});

describe("docs/reconnecting.md and docs/json.md", () => {
  test("name every option, and every member of the classes", () => {
    const names = [
      ...Object.keys(protocol.STAY_LIMITS),
      ...membersOf(node.StayingConnection),
      "stayConnected",
    ];
    assert.deepEqual(missingIn("docs/reconnecting.md", names), []);
    const values = ["text", "json", "bytes", "sendJson", "in", "out", "onInvalid", "issues", "typed"];
    assert.deepEqual(missingIn("docs/json.md", [...values, ...membersOf(protocol.TypedConnection)]), []);
  });
});

describe("docs/codec.md", () => {
  const text = texts.get("docs/codec.md") ?? "";

  test("names every export", () => {
    assert.deepEqual(
      Object.keys(codec).filter((name) => !new RegExp(`\\b${name}\\b`).test(text)),
      [],
    );
  });

  test("names every member of the classes", () => {
    const { FrameDecoder, FrameEncoder, PayloadBuffer, Utf8Validator, Compressor, Decompressor } = codec;
    for (const type of [FrameDecoder, FrameEncoder, PayloadBuffer, Utf8Validator, Compressor, Decompressor]) {
      const members = [
        ...Object.getOwnPropertyNames(type.prototype),
        ...Object.keys(new type({ role: "server" })),
      ];
      // `evict` is between decoders: not for callers.
      const missing = members.filter((name) => !["constructor", "evict"].includes(name));
      assert.deepEqual(
        missing.filter((name) => !new RegExp(`\\b${name}\\b`).test(text)),
        [],
      );
    }
  });

  test("has the error codes of the sources, and their close codes", () => {
    const source = readFileSync(path.join(root, "src/codec/errors.ts"), "utf8");
    const codes = new Set([...source.matchAll(/"(WS_ERR_\w+)"/g)].map(([, code]) => code));
    const rows = [...text.matchAll(/^\| `(WS_ERR_\w+)` \| (\d+) \|/gm)];
    assert.deepEqual(rows.map(([, code]) => code).sort(), [...codes].sort());
    for (const [wire, code] of SAMPLES) {
      const decoder = new codec.FrameDecoder({ role: "client", maxFrameSize: 1000 });
      decoder.push(Uint8Array.from(Buffer.from(wire.replaceAll(" ", ""), "hex")));
      decoder.next();
      const row = rows.find(([, documented]) => documented === code);
      assert.deepEqual([decoder.error?.code, String(decoder.error?.closeCode)], row?.slice(1), code);
    }
    // A server's decoder alone gives the first of these, and a decompressor the others.
    const others = ["WS_ERR_EXPECTED_MASK", "WS_ERR_INVALID_COMPRESSED_DATA", "WS_ERR_NO_MEMORY"];
    assert.deepEqual([...SAMPLES.map(([, code]) => code), ...others].sort(), [...codes].sort());
  });

  test("has the memory of compression as it is", () => {
    const [, header, ...rows] = /^\| `windowBits` (.*)\n\|(?: ---:? \|)+\n((?:\|.*\n)+)/m.exec(text) ?? [];
    const settings = header
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.replaceAll(/[` ]/g, ""));
    assert.ok(settings.length > 4, "there is a table");
    const lines = rows[0].trimEnd().split("\n");
    assert.equal(lines.length, 8);
    for (const line of lines) {
      const [windowBits, ...cells] = line
        .split("|")
        .slice(1, -1)
        .map((cell) => Number(cell.replaceAll(/[ ,]/g, "")));
      assert.deepEqual(
        cells,
        settings.map((setting) => retainedBy(windowBits, setting)),
        line,
      );
    }
  });
});

/** What a stream holds with the settings that the head of a column names: "level:1,memLevel:9", "Decompressor". */
function retainedBy(windowBits: number, setting: string): number {
  const [, level] = /level:(\d)/.exec(setting) ?? [];
  const [, memLevel] = /memLevel:(\d)/.exec(setting) ?? [];
  const optional = (value: string | undefined) => (value === undefined ? undefined : Number(value));
  const compressor = new codec.Compressor({
    windowBits,
    level: optional(level),
    memLevel: optional(memLevel),
  });
  const decompressor = new codec.Decompressor({ windowBits });
  decompressor.decompress(compressor.compress("text"));
  const { retainedLength } = setting === "Decompressor" ? decompressor : compressor;
  compressor.release();
  decompressor.release();
  return retainedLength;
}

/** The shortest violation of each rule, as a client sees it. */
const SAMPLES: readonly [wire: string, code: string][] = [
  ["b1 00", "WS_ERR_UNEXPECTED_RSV_2_3"],
  ["c1 00", "WS_ERR_UNEXPECTED_RSV_1"],
  ["83 00", "WS_ERR_INVALID_OPCODE"],
  ["09 00", "WS_ERR_EXPECTED_FIN"],
  ["81 80 00000000", "WS_ERR_UNEXPECTED_MASK"],
  ["88 01 03", "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH"],
  ["82 7e 0001 00", "WS_ERR_INVALID_PAYLOAD_LENGTH"],
  ["82 7f 0020000000000000", "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH"],
  ["82 7e 03e9", "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"],
  ["81 01 ff", "WS_ERR_INVALID_UTF8"],
  ["88 02 03ed", "WS_ERR_INVALID_CLOSE_CODE"],
];
