/**
 * The layers of `docs/architecture.md`, kept by reading the sources: who imports whom and by which door,
 * what the pure layers may name, what each entry point exports, and how long a file may get.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../", import.meta.url));

interface Rule {
  /** Folders of src/ that may be imported, through their index.ts. */
  readonly folders: readonly string[];
  /** Which bare specifiers may be imported. */
  readonly external: RegExp;
  /** Whether it must run anywhere: no Node, no DOM, no timers. */
  readonly pure: boolean;
}

const NOTHING = /^$/;

const RULES: Readonly<Record<string, Rule>> = {
  kernel: { folders: [], external: /^@assemblyscript\/loader$/, pure: true },
  codec: { folders: ["kernel"], external: NOTHING, pure: true },
  protocol: { folders: ["codec"], external: NOTHING, pure: true },
  node: { folders: ["protocol", "codec"], external: /^node:/, pure: false },
  browser: { folders: ["protocol", "codec"], external: NOTHING, pure: false },
  compat: { folders: ["node", "browser", "protocol", "codec"], external: /^node:/, pure: false },
  // The engines' packages are the user's: a broker takes a client of one, and imports none.
  brokers: { folders: ["node"], external: /^node:/, pure: false },
  cli: { folders: ["node", "protocol", "codec"], external: /^node:/, pure: false },
  ws: { folders: ["node", "protocol", "codec"], external: /^node:/, pure: false },
};

/** Files directly in src/: they re-export, no more. */
const DOORS = ["index.ts", "index.browser.ts", "hawser.browser.ts", "hawser.client.ts"];

/** The one file of the pure layers that looks for what the host does faster. */
const HOST_FILE = "codec/host.ts";

/** Names that the pure layers must not refer to; as names of their own members they are harmless. */
const IMPURE = new Set(
  [
    "Buffer process global globalThis require module NodeJS",
    "setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask",
    "requestAnimationFrame requestIdleCallback scheduler performance Date",
    "window document self navigator location history localStorage sessionStorage",
    "fetch XMLHttpRequest WebSocket Worker MessagePort MessageChannel BroadcastChannel",
    "Node Element HTMLElement Event EventTarget MessageEvent CloseEvent CustomEvent Blob File FileReader",
    "AbortController AbortSignal ReadableStream WritableStream TransformStream",
  ].flatMap((line) => line.split(" ")),
);

/** Every module specifier of a file: static, dynamic, `require` and in types. */
function importsOf(file: ts.SourceFile): string[] {
  const found: string[] = [];
  const add = (node: ts.Node | undefined) => {
    if (node !== undefined) found.push(ts.isStringLiteralLike(node) ? node.text : `(${node.getText(file)})`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier);
    } else if (ts.isCallExpression(node)) {
      const callee = node.expression;
      const isRequire = ts.isIdentifier(callee) && callee.text === "require";
      if (callee.kind === ts.SyntaxKind.ImportKeyword || isRequire) add(node.arguments[0]);
    } else if (ts.isImportTypeNode(node)) {
      if (ts.isLiteralTypeNode(node.argument)) add(node.argument.literal);
    } else if (ts.isExternalModuleReference(node)) {
      add(node.expression);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** Whether an identifier names a member (`space.window`, `{ process: 1 }`), not a variable or a type. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  if (ts.isBindingElement(parent)) return parent.propertyName === node;
  return (
    (ts.isPropertyAssignment(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isMethodDeclaration(parent) ||
      ts.isMethodSignature(parent) ||
      ts.isAccessor(parent)) &&
    parent.name === node
  );
}

/** The impure names that a file refers to, in code: comments and strings are free. */
function impureNamesIn(file: ts.SourceFile): string[] {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && IMPURE.has(node.text) && !isMemberName(node)) found.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return [...found];
}

/**
 * What a source file does that its layer forbids.
 *
 * @param name - its path from src/, with slashes.
 */
function breaches(name: string, source: string): string[] {
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const found: string[] = [];
  const segments = name.split("/");
  const folder = segments.length === 1 ? "" : segments[0];
  const rule = RULES[folder];

  if (folder === "") {
    if (!DOORS.includes(name)) found.push(`${name} lies in no layer`);
    for (const statement of file.statements) {
      if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier === undefined) {
        found.push(`${name} does more than re-export: ${statement.getText(file).split("\n")[0]}`);
      }
    }
  } else if (rule === undefined) {
    return [`${name} lies in no layer`];
  }

  for (const specifier of importsOf(file)) {
    if (!specifier.startsWith(".")) {
      if (!rule?.external.test(specifier)) found.push(`${name} imports ${specifier}`);
      continue;
    }
    const target = targetOf(name, specifier);
    const targetFolder = target.includes("/") ? target.split("/")[0] : "";
    if (target.startsWith("..")) found.push(`${name} imports ${specifier} from outside of src/`);
    else if (targetFolder === folder && folder !== "") continue;
    else if (rule !== undefined && !rule.folders.includes(targetFolder)) {
      found.push(`${name} imports ${target}, which its layer may not know`);
    } else if (folder === "" && targetFolder === "kernel") {
      found.push(`${name} imports ${target}, which is for codec alone`);
    } else if (target !== `${targetFolder}/index.ts`) {
      // The compat folder has one door for each package that it stands in for.
      found.push(`${name} imports ${target}, not that folder's index.ts`);
    }
  }
  if (rule?.pure && name !== HOST_FILE) {
    for (const impure of impureNamesIn(file)) found.push(`${name} names ${impure}`);
  }
  return found;
}

/** The file that a specifier leads to, from src/, with slashes. */
function targetOf(name: string, specifier: string): string {
  return path.posix.join(path.posix.dirname(name), specifier).replace(/\.js$/, ".ts");
}

/**
 * Circles of imports, those of types included: for each file that imports itself by others, the shortest way.
 *
 * @param sources - text of each file, by its path from src/, with slashes.
 */
function circlesIn(sources: ReadonlyMap<string, string>): string[] {
  const imports = new Map<string, string[]>();
  for (const [name, source] of sources) {
    const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
    const relative = importsOf(file).filter((specifier) => specifier.startsWith("."));
    imports.set(
      name,
      relative.map((specifier) => targetOf(name, specifier)),
    );
  }
  const circles: string[] = [];
  for (const start of sources.keys()) {
    const ways = [[start]];
    const seen = new Set<string>();
    for (let way: string[] | undefined; (way = ways.shift()) !== undefined; ) {
      const next = imports.get(way[way.length - 1]) ?? [];
      if (next.includes(start)) {
        circles.push([...way, start].join(" → "));
        break;
      }
      for (const file of next) if (!seen.has(file)) ways.push([...way, file]);
      for (const file of next) seen.add(file);
    }
  }
  return circles;
}

/** Paths of the .ts files under a folder of the project, from that folder, with slashes. */
function sourcesIn(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => name.replaceAll("\\", "/"))
    .sort();
}

describe("layers", () => {
  const sources = sourcesIn("src");

  test("there are sources to read", () => {
    assert.ok(sources.includes("codec/index.ts") && sources.includes("kernel/index.ts"));
  });

  for (const name of sources) {
    test(`src/${name} keeps to its layer`, () => {
      assert.deepEqual(breaches(name, readFileSync(path.join(root, "src", name), "utf8")), []);
    });
  }
});

describe("circles of imports", () => {
  test("there are none, of types neither", () => {
    const texts = sourcesIn("src").map(
      (name) => [name, readFileSync(path.join(root, "src", name), "utf8")] as const,
    );
    const circles = circlesIn(new Map(texts));
    assert.deepEqual(circles, []);
  });

  test("are found, however long, in types too", () => {
    const sources = new Map([
      ["a/x.ts", 'import { y } from "./y.js";'],
      ["a/y.ts", 'export { z } from "../b/z.js"; import { w } from "./w.js";'],
      ["a/w.ts", "export const w = 1;"],
      ["b/z.ts", 'import type { X } from "../a/x.js";'],
      ["b/self.ts", 'export let me: import("./self.js").Me;'],
    ]);
    assert.deepEqual(circlesIn(sources), [
      "a/x.ts → a/y.ts → b/z.ts → a/x.ts",
      "a/y.ts → b/z.ts → a/x.ts → a/y.ts",
      "b/z.ts → a/x.ts → a/y.ts → b/z.ts",
      "b/self.ts → b/self.ts",
    ]);
  });
});

describe("the check of the layers can fail", () => {
  const BAD: readonly [name: string, source: string, breach: string][] = [
    ["kernel/a.ts", 'import { x } from "../codec/index.js";', "imports codec/index.ts"],
    ["kernel/a.ts", 'import ts from "typescript";', "imports typescript"],
    ["codec/a.ts", 'import { x } from "../kernel/instance.js";', "imports kernel/instance.ts, not"],
    ["codec/a.ts", 'import type { Endpoint } from "../protocol/index.js";', "imports protocol/index.ts"],
    ["codec/a.ts", 'export * from "../node/index.js";', "imports node/index.ts"],
    ["codec/a.ts", 'import loader from "@assemblyscript/loader";', "imports @assemblyscript"],
    ["codec/a.ts", 'const fs = await import("node:fs");', "imports node:fs"],
    ["codec/a.ts", "const fs = await import(name);", "imports (name)"],
    ["codec/a.ts", 'const fs = require("node:fs");', "imports node:fs"],
    ["codec/a.ts", 'export let x: import("node:net").Socket;', "imports node:net"],
    ["codec/a.ts", 'import net = require("node:net");', "imports node:net"],
    ["codec/a.ts", 'import "../../scripts/build.js";', "outside of src/"],
    ["codec/a.ts", "export const x = Buffer.alloc(1);", "names Buffer"],
    ["codec/a.ts", "export const x = globalThis.Buffer;", "names globalThis"],
    ["codec/a.ts", "export function f(x: Buffer): void {}", "names Buffer"],
    ["codec/a.ts", "export type T = NodeJS.Timeout;", "names NodeJS"],
    ["codec/a.ts", "export const x = [process.pid];", "names process"],
    ["codec/a.ts", "export const x = { process };", "names process"],
    ["protocol/a.ts", "setTimeout(f, 1);", "names setTimeout"],
    ["protocol/a.ts", "export const x = typeof window;", "names window"],
    ["protocol/a.ts", "export class A extends EventTarget {}", "names EventTarget"],
    ["protocol/a.ts", 'import { kernel } from "../kernel/index.js";', "imports kernel/index.ts"],
    ["node/a.ts", 'import { x } from "../browser/index.js";', "imports browser/index.ts"],
    ["node/a.ts", 'import { x } from "../protocol/endpoint.js";', "imports protocol/endpoint.ts, not"],
    ["node/a.ts", 'import { x } from "../index.js";', "imports index.ts"],
    ["browser/a.ts", 'import { x } from "../node/index.js";', "imports node/index.ts"],
    ["browser/a.ts", 'import { x } from "node:events";', "imports node:events"],
    ["compat/a.ts", 'import { x } from "../kernel/index.js";', "imports kernel/index.ts"],
    ["compat/a.ts", 'import { x } from "../codec/masking.js";', "imports codec/masking.ts, not"],
    ["brokers/a.ts", 'import { createClient } from "redis";', "imports redis"],
    ["brokers/a.ts", 'import { x } from "../node/topics/topics.js";', "imports node/topics/topics.ts, not"],
    ["brokers/a.ts", 'import { x } from "../protocol/index.js";', "imports protocol/index.ts"],
    ["cli/a.ts", 'import { x } from "../node/connection.js";', "imports node/connection.ts, not"],
    ["cli/a.ts", 'import { x } from "../compat/bufferutil.js";', "imports compat/bufferutil.ts"],
    ["cli/a.ts", 'import { WebSocket } from "ws";', "imports ws"],
    ["node/a.ts", 'import { main } from "../cli/program.js";', "imports cli/program.ts"],
    ["index.ts", "export const x = 1;", "more than re-export"],
    ["index.ts", 'import { x } from "./codec/index.js"; export { x };', "more than re-export"],
    ["index.ts", 'export * from "./codec/masking.js";', "imports codec/masking.ts, not"],
    ["index.ts", 'export * from "./kernel/index.js";', "for codec alone"],
    ["index.ts", 'export * from "./index.browser.js";', "imports index.browser.ts"],
    ["helpers.ts", 'export * from "./codec/index.js";', "in no layer"],
    ["utils/a.ts", "export {};", "in no layer"],
  ];
  for (const [name, source, breach] of BAD) {
    test(`${name}: ${source}`, () => {
      const found = breaches(name, source);
      assert.ok(
        found.some((text) => text.includes(breach)),
        `should say "${breach}", says ${JSON.stringify(found)}`,
      );
    });
  }

  const GOOD: readonly [name: string, source: string][] = [
    ["kernel/a.ts", 'import { instantiateSync } from "@assemblyscript/loader";'],
    ["kernel/a.ts", 'import { KERNEL_BYTES } from "./generated/bytes.js";'],
    ["codec/a.ts", 'import { type Kernel, kernel } from "../kernel/index.js";'],
    ["codec/a.ts", "// Buffer, process and setTimeout\nexport const x = 'node:fs Buffer';"],
    ["codec/a.ts", "export const x = space.window(1); export class A { process(): void {} }"],
    ["codec/host.ts", "export const x = globalThis.Buffer;"],
    ["protocol/a.ts", 'export { isControl } from "../codec/index.js";'],
    ["node/a.ts", 'import net from "node:net"; setTimeout(f, 1);'],
    ["browser/a.ts", "export const x = new WebSocket(url);"],
    ["compat/a.ts", 'import { connect } from "../node/index.js";'],
    ["cli/a.ts", 'import { parseArgs } from "node:util"; import { serve } from "../node/index.js";'],
    ["index.browser.ts", 'export * from "./browser/index.js"; export { x } from "./codec/index.js";'],
  ];
  for (const [name, source] of GOOD) {
    test(`allowed in ${name}: ${source}`, () => assert.deepEqual(breaches(name, source), []));
  }
});

/** The longest a source file may be, in lines. */
const MAX_LINES = 450;

describe("length", () => {
  for (const folder of ["src", "assembly"]) {
    test(`no file in ${folder}/ has more than ${MAX_LINES} lines`, () => {
      const long = sourcesIn(folder).filter(
        (name) => readFileSync(path.join(root, folder, name), "utf8").split("\n").length - 1 > MAX_LINES,
      );
      assert.deepEqual(long, []);
    });
  }
});

const CODEC_EXPORTS = [
  "CloseCode",
  "Compressor",
  "DEFAULT_MAX_FRAME_SIZE",
  "Decompressor",
  "FrameDecoder",
  "FrameEncoder",
  "InvalidStateError",
  "LimitError",
  "MAX_CONTROL_PAYLOAD_LENGTH",
  "Opcode",
  "PayloadBuffer",
  "ProtocolError",
  "Utf8Validator",
  "applyMask",
  "compress",
  "decodeCloseBody",
  "decodeFrame",
  "decompress",
  "encodeBinary",
  "encodeClose",
  "encodeCloseBody",
  "encodeFrame",
  "encodePing",
  "encodePong",
  "encodeText",
  "generateMaskingKey",
  "hostSha1",
  "isCompressionAvailable",
  "isControl",
  "isValidCloseCode",
  "isValidUtf8",
  "kernelBackend",
  "mask",
  "provideWebAssembly",
  "receiveBuffer",
  "reuse",
  "setAllocatorWarming",
  "type BytesClass",
  "type CloseBody",
  "type CompressorOptions",
  "type DecodeFrameOptions",
  "type DecompressorOptions",
  "type EncodeFrameOptions",
  "type Frame",
  "type FrameBits",
  "type FrameDecodeResult",
  "type FrameDecoderOptions",
  "type FrameEncoderOptions",
  "type PayloadPlace",
  "type ProtocolErrorCode",
  "type Role",
  "type WebAssemblyModules",
  "unmask",
  "utf8Length",
];

const PROTOCOL_EXPORTS = [
  "ConnectionClosedError",
  "DEFAULT_MAX_HEADER_COUNT",
  "DEFAULT_MAX_HEAD_LENGTH",
  "DEFAULT_MAX_MESSAGE_SIZE",
  "Endpoint",
  "FrameQueue",
  "HandshakeError",
  "HandshakeErrorStatus",
  "HandshakeReader",
  "Inbox",
  "IncomingStreams",
  "InvalidMessageError",
  "Message",
  "MessageQueue",
  "MessageReader",
  "NO_COUNTERS",
  "PingTracker",
  "PreparedBatch",
  "PreparedMessage",
  "STAY_LIMITS",
  "Staying",
  "TypedConnection",
  "acceptPerMessageDeflate",
  "addCounters",
  "addQuery",
  "asError",
  "askFresh",
  "assertByteCounts",
  "assertFunctions",
  "assertHandlers",
  "assertHeaderValue",
  "assertKnownOptions",
  "assertSignal",
  "assertToken",
  "assertValidMessage",
  "bufferOverflow",
  "buildHandshakeRequest",
  "buildHandshakeResponse",
  "buildRefusal",
  "checkBufferLimits",
  "checkOriginPolicy",
  "checkPerMessageDeflate",
  "checkStayLimits",
  "computeAccept",
  "confirmPerMessageDeflate",
  "decodeHead",
  "encodeHead",
  "freshNames",
  "generateKey",
  "getHeader",
  "getHeaderValues",
  "isInvalidMessage",
  "isMessage",
  "isMisuse",
  "isPlainObject",
  "isThenable",
  "isToken",
  "isValidHandshakeResponse",
  "isValidKey",
  "judgeHandshakeRequest",
  "judgeOrigin",
  "listHandshakeHeaders",
  "listIncludes",
  "listProtocols",
  "messageTooBig",
  "nameOf",
  "offerPerMessageDeflate",
  "openWithRetry",
  "override",
  "parseExtensions",
  "parseHeaders",
  "parseProtocols",
  "parseStatusLine",
  "parseWebSocketUrl",
  "prepareMessage",
  "printWebSocketUrl",
  "readsTooSlowly",
  "resolveWebSocketUrl",
  "runHandler",
  "serializeExtensions",
  "toBytes",
  "toJson",
  "type AbortLike",
  "type AcceptedHandshake",
  "type AnyMessage",
  "type BatchItem",
  "type BinaryMessage",
  "type BufferLimits",
  "type Bytes",
  "type Counters",
  "type Credentials",
  "type DataMessage",
  "type DeflateParameters",
  "type EndpointOptions",
  "type EndpointPhase",
  "type EndpointState",
  "type ExpectedHandshake",
  "type Extension",
  "type ExtensionInit",
  "type ExtensionParameterValue",
  "type Fragments",
  "type Fresh",
  "type HandshakeErrorCode",
  "type HandshakeErrorDetails",
  "type HandshakeOffer",
  "type HandshakeRefusal",
  "type HandshakeRequest",
  "type HandshakeRequestOptions",
  "type HandshakeResponse",
  "type HandshakeResponseOptions",
  "type HandshakeServerOptions",
  "type HeadLimits",
  "type HeaderInit",
  "type HeaderRecord",
  "type HttpHeaders",
  "type InboxOwner",
  "type Loss",
  "type MessageInit",
  "type MessageReaderOptions",
  "type MessageStream",
  "type MessageType",
  "type OptionHints",
  "type OriginPolicy",
  "type OverflowPolicy",
  "type PartOptions",
  "type PerMessageDeflateOptions",
  "type Place",
  "type PrepareOptions",
  "type QueryInit",
  "type ReadResult",
  "type RefusalOptions",
  "type ResponseHead",
  "type RetryHost",
  "type RetryLimits",
  "type SchemaIssue",
  "type SendOptions",
  "type StandardSchema",
  "type StayClosed",
  "type StayHandlers",
  "type StayHost",
  "type StayLimits",
  "type StayState",
  "type StreamOwner",
  "type TextMessage",
  "type TypedOptions",
  "type WebSocketUrl",
  "type WithFresh",
  "typed",
  "validateHandshakeResponse",
  "whenAborted",
  "StreamOpening",
  "assertCloseInfo",
  "clampToUnsignedShort",
  "claimMessages",
  "defineWebSocketError",
  "failureOf",
  "isClean",
  "isOrderly",
  "messageStreams",
  "readCloseInfo",
  "sendWithRoom",
  "webSocketError",
  "type MessageSink",
  "type MessageSource",
  "type StreamOpeningHost",
  "type StreamRules",
  "type Streamable",
  "type WebSocketCloseInfo",
  "type WebSocketErrorConstructor",
  "type WebSocketErrorLike",
  "type WebSocketStreamClosed",
];

const NODE_EXPORTS = [
  "Connection",
  "Server",
  "StayingConnection",
  "Topics",
  "connect",
  "connectWithRetry",
  "createConnection",
  "createUpgradeHandler",
  "isConnection",
  "logFrames",
  "serve",
  "stayConnected",
  "tryConnect",
  "type Authorization",
  "type BlobLike",
  "type BroadcastOptions",
  "type Broadcastable",
  "type Broker",
  "type BrokerListener",
  "type CloseOptions",
  "type Closed",
  "type ConnectOptions",
  "type ConnectionCounters",
  "type ConnectionHandlers",
  "type ConnectionOptions",
  "type ConnectionSnapshot",
  "type ConnectionSocket",
  "type ConnectionState",
  "type CreateConnectionOptions",
  "type ErrorSubject",
  "type FrameEvent",
  "type HttpServer",
  "type KeptRequest",
  "type LivenessLimits",
  "type LongTurns",
  "type MessageOptions",
  "type Opening",
  "type PublishOptions",
  "type Publishable",
  "type ReceiveOptions",
  "type RetryOptions",
  "type Sendable",
  "type ServeOptions",
  "type ServerCounters",
  "type ServerHandlers",
  "type StayOptions",
  "type StreamOptions",
  "type StreamSource",
  "type TopicsCounters",
  "type TopicsOptions",
  "type UpgradeHandler",
  "type UpgradeOptions",
  "WebSocket",
  "WebSocketError",
  "WebSocketStream",
  "type CloseEvent",
  "type ConnectionDuplexOptions",
  "type ErrorEvent",
  "type MessageStreams",
  "type WebSocketEvents",
  "type WebSocketHandler",
  "type WebSocketInit",
  "type WebSocketStreamOpened",
  "type WebSocketStreamOptions",
];

const BROWSER_EXPORTS = [
  "Connection",
  "StayingConnection",
  "connect",
  "connectWithRetry",
  "createConnection",
  "isConnection",
  "stayConnected",
  "tryConnect",
  "type Closed",
  "type ConnectOptions",
  "type ConnectionHandlers",
  "type ConnectionOptions",
  "type ConnectionState",
  "type CreateConnectionOptions",
  "type RetryOptions",
  "type Sendable",
  "type StayOptions",
  "WebSocket",
  "WebSocketError",
  "WebSocketStream",
  "type MessageStreams",
  "type WebSocketStreamConstructor",
  "type WebSocketStreamOpened",
  "type WebSocketStreamOptions",
];

/** The one file for pages without a bundler has no compression and, of the protocol, what a connection shows. */
const SINGLE_FILE_EXPORTS = [
  // A page that has no bundler has the browser's own WebSocket and WebSocketStream.
  ...BROWSER_EXPORTS.filter((name) => !/WebSocket$|WebSocketStream|stay/i.test(name)),
  ...CODEC_EXPORTS.filter(
    (name) =>
      !/compress|PayloadPlace|WebAssembly|^(?:type BytesClass|hostSha1|receiveBuffer|reuse|setAllocatorWarming)$/i.test(
        name,
      ),
  ),
  "HandshakeError",
  "InvalidMessageError",
  "Message",
  "isMessage",
  "type BufferLimits",
  "type Bytes",
  "type Counters",
  "type HandshakeErrorCode",
  "type MessageType",
  "type OverflowPolicy",
  "type QueryInit",
  "type RetryLimits",
  "type SendOptions",
];

/** The file for pages that only connect has no codec. */
const CLIENT_FILE_EXPORTS = [
  ...BROWSER_EXPORTS,
  "CloseCode",
  "ConnectionClosedError",
  "HandshakeError",
  "InvalidMessageError",
  "InvalidStateError",
  "LimitError",
  "Message",
  "TypedConnection",
  "isMessage",
  "type AnyMessage",
  "type BinaryMessage",
  "type BufferLimits",
  "type Bytes",
  "type Counters",
  "type DataMessage",
  "type Fresh",
  "type HandshakeErrorCode",
  "type Loss",
  "type MessageType",
  "type OverflowPolicy",
  "type QueryInit",
  "type RetryLimits",
  "type Role",
  "type SendOptions",
  "type StandardSchema",
  "type StayClosed",
  "type StayHandlers",
  "type StayLimits",
  "type StayState",
  "type TextMessage",
  "type TypedOptions",
  "typed",
];

/** What "." and "./ws" are under the condition `browser`. */
const IN_BROWSER = ". (browser)";
const WS_IN_BROWSER = "./ws (browser)";

const WS_EXPORTS = [
  "PerMessageDeflate",
  "Receiver",
  "Sender",
  "WebSocket",
  "WebSocketServer",
  "createWebSocketStream",
  "default",
  "extension",
  "module.exports",
  "subprotocol",
];

/** What each entry point of package.json exports. A name that leaves this list breaks a user's import. */
const ENTRY_POINTS: Readonly<Record<string, { source: string; exports: readonly string[] }>> = {
  ".": { source: "src/index.ts", exports: [...CODEC_EXPORTS, ...PROTOCOL_EXPORTS, ...NODE_EXPORTS] },
  [IN_BROWSER]: {
    source: "src/index.browser.ts",
    exports: [...CODEC_EXPORTS, ...PROTOCOL_EXPORTS, ...BROWSER_EXPORTS],
  },
  "./hawser.browser.js": { source: "src/hawser.browser.ts", exports: SINGLE_FILE_EXPORTS },
  "./hawser.client.js": { source: "src/hawser.client.ts", exports: CLIENT_FILE_EXPORTS },
  "./codec": { source: "src/codec/index.ts", exports: CODEC_EXPORTS },
  "./protocol": { source: "src/protocol/index.ts", exports: PROTOCOL_EXPORTS },
  "./broadcast-channel": {
    source: "src/brokers/broadcast-channel.ts",
    exports: ["broadcastChannelBroker", "type BroadcastChannelBrokerOptions"],
  },
  "./redis": {
    source: "src/brokers/redis.ts",
    exports: ["redisBroker", "type RedisBrokerOptions", "type RedisClient"],
  },
  "./nats": {
    source: "src/brokers/nats.ts",
    exports: ["natsBroker", "type NatsBrokerOptions", "type NatsConnection"],
  },
  "./bufferutil": {
    source: "src/compat/bufferutil.ts",
    exports: ["default", "mask", "module.exports", "unmask"],
  },
  "./utf-8-validate": { source: "src/compat/utf-8-validate.ts", exports: ["default", "module.exports"] },
  "./ws": { source: "src/ws/index.ts", exports: WS_EXPORTS },
  [WS_IN_BROWSER]: { source: "src/compat/ws-browser.ts", exports: WS_EXPORTS },
};

describe("entry points", () => {
  const { compilerOptions } = ts.parseConfigFileTextToJson(
    "tsconfig.json",
    readFileSync(path.join(root, "tsconfig.json"), "utf8"),
  ).config;
  const { options } = ts.convertCompilerOptionsFromJson(compilerOptions, root);
  const files = Object.values(ENTRY_POINTS).map(({ source }) => path.join(root, source));
  const program = ts.createProgram(files, options);
  const checker = program.getTypeChecker();

  /** The exported symbols of a file, each resolved to what it was declared as. */
  function exportsOf(source: string): { name: string; symbol: ts.Symbol; isValue: boolean }[] {
    const file = program.getSourceFile(path.join(root, source));
    const module = file && checker.getSymbolAtLocation(file);
    assert.ok(module, `${source} is a module`);
    return checker.getExportsOfModule(module).map((exported) => {
      const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
      const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported;
      return { name: exported.name, symbol, isValue: (symbol.flags & ts.SymbolFlags.Value) !== 0 };
    });
  }

  test("are those of package.json", () => {
    const { exports } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
    const listed = Object.keys(exports).filter((entry) => !/\.wasm$|^\.\/package\.json$/.test(entry));
    const written = Object.keys(ENTRY_POINTS).filter(
      (entry) => entry !== IN_BROWSER && entry !== WS_IN_BROWSER,
    );
    assert.deepEqual(listed.sort(), written.sort());
    assert.equal(exports["."].browser.import.default, "./dist/index.browser.js");
    assert.equal(exports["./ws"].browser.import.default, "./dist/compat/ws-browser.js");
  });

  for (const [entry, { source, exports }] of Object.entries(ENTRY_POINTS)) {
    test(`${entry} exports these names and no others`, async () => {
      const names = exportsOf(source).map(({ name, isValue }) => (isValue ? name : `type ${name}`));
      assert.deepEqual(names.sort(), [...exports].sort());
      const values = exports.filter((name) => !name.startsWith("type "));
      assert.deepEqual(
        Object.keys(await import(new URL(`../${source}`, import.meta.url).href)),
        [...values].sort(),
      );
    });
  }

  test("every value that the codec exports has a TSDoc comment", () => {
    const bare = exportsOf("src/codec/index.ts")
      .filter(({ symbol, isValue }) => isValue && symbol.getDocumentationComment(checker).length === 0)
      .map(({ name }) => name);
    assert.deepEqual(bare, []);
  });
});
