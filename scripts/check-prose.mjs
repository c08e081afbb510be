// `npm run check:prose`: plain words in documents, comments, texts of the program and titles of tests. It reads Markdown whole,
// and of code the comments and strings. Inline code and quotations, such as sentences of the RFC, are left out.
// `-- FILE...` checks these files alone. Exits with 1 if a phrase of the list is found.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** A phrase that hides the subject, or that no engineer says, and the advice for it. */
const PHRASES = [
  [
    /\b(whoever|whomever|somebody|anybody|everybody|nobody)\b/i,
    "name the caller, the peer, the user, the code",
  ],
  [/\b(whichever|whatever|whatsoever)\b/i, "say 'any' or 'each', and name the thing"],
  [/\botherwise than\b/i, "say 'not' or 'except'"],
  [
    /\bwhat (is|was|are|were|has|had|lies|lay|comes|came|arrives|arrived|waits|waited|follows|followed|goes|went|remains|cannot|can|must|may|needs|stands)\b(?![^.:;]*\?)/i,
    "name the thing: 'bytes that wait', not 'what waits'",
  ],
  [/\b(by|of|than|but) what\b(?![^.:;]*\?)/i, "name the thing"],
  [/\bfound out\b|\bfinds out\b/i, "say 'detected' or 'found'"],
  [/\b(hears|heard|hear) of\b/i, "say 'is notified', or name the call"],
  [/\b(is|are|was|were|be) told\b/i, "say which call, event or value tells it"],
  [/\b(anew|amid|upon|thereof|whereof|hence|nought|for ever)\b/i, "use the everyday word"],
  [/\blets? go of\b/i, "say 'releases' or 'drops'"],
  [
    /(?<!\bthere )\b(is|are|was|were) no (?!longer\b|more\b|such\b|way\b|need\b|room\b|limit\b)[a-z]/i,
    "say 'is not a', or 'there is no'",
  ],
  [/\bsome hundreds?\b/i, "say 'hundreds of'"],
];

/** Data for tests, which is not our prose, and texts of others. */
const NOT_OURS = /^(test\/support\/corpus\/|THIRD-PARTY-NOTICES\.md|LICENSE|package-lock\.json)/;

/** Files that are still to be rewritten, or are being changed elsewhere. The list shrinks; it must become empty. */
const LATER = [
  "bench/network/fanout/server.ts",
  "docs/architecture.md",
  "docs/json.md",
  "docs/observability.md",
  "docs/reconnecting.md",
  "docs/streams.md",
  "docs/topics.md",
  "docs/whatwg.md",
  "docs/ws-migration.md",
  "examples/market-data.ts",
  "test/brokers/broadcast-channel.test.ts",
  "test/cli/opening-error.test.ts",
  "test/cli/options.test.ts",
  "test/cli/session.test.ts",
  "test/node/connection-streams.test.ts",
  "test/node/environment-proxy.test.ts",
  "test/node/frame-log.test.ts",
  "test/node/topics/pacer.test.ts",
  "test/node/topics/topics.test.ts",
  "test/node/topics/waiting-room.test.ts",
  "test/protocol/session/prepared-batch.test.ts",
  "test/support/broker-suite.ts",
  "test/support/connection-suite.ts",
  "test/support/json-suite.ts",
  "test/support/stay-suite.ts",
  "test/support/web-socket/cases.ts",
  "test/support/web-socket/server.ts",
  "test/system/constructors/programs/partysocket.mjs",
  "test/system/constructors/programs/y-websocket.mjs",
  "test/system/observability/recipes.test.ts",
  "test/system/observability/trusted-proxies.test.ts",
  "test/system/staying.test.ts",
  "test/ws/opening.test.ts",
  "test/ws/receiver.test.ts",
  "test/ws/server.test.ts",
  "test/ws/stream.test.ts",
  "test/ws/support.ts",
  "test/ws/web-socket.test.ts",
];

const root = fileURLToPath(new URL("../", import.meta.url));

/** @returns {string[]} files that the check reads. */
function files() {
  const given = process.argv.slice(2);
  if (given.length > 0) return given;
  const all = execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" }).split("\n");
  return all.filter(
    (name) =>
      /\.(md|ts|mjs|css|html|py|sh)$|^\.ci\/run$/.test(name) &&
      !NOT_OURS.test(name) &&
      name !== "scripts/check-prose.mjs" &&
      !LATER.some((prefix) => name.startsWith(prefix)),
  );
}

/**
 * The text with all but prose blanked: offsets stay.
 *
 * @param {string} name
 * @param {string} text
 */
function proseOf(name, text) {
  if (!/\.(ts|mjs)$/.test(name)) return name.endsWith(".md") ? withoutCode(text) : text;
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const kept = new Uint8Array(text.length);
  const keep = (from, to) => kept.fill(1, from, to);
  const keepComments = (ranges) => {
    for (const { pos, end } of ranges ?? []) keep(pos, end);
  };
  const visit = (node) => {
    keepComments(ts.getLeadingCommentRanges(text, node.pos));
    keepComments(ts.getTrailingCommentRanges(text, node.end));
    const isText = ts.isStringLiteral(node) || node.kind === ts.SyntaxKind.NoSubstitutionTemplateLiteral;
    const isPart = ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node);
    if (isText || isPart || node.kind === ts.SyntaxKind.JsxText)
      keep(node.getStart(source) + 1, node.end - 1);
    for (const child of node.getChildren(source)) visit(child);
  };
  visit(source);
  return withoutCode(mask(text, kept));
}

function mask(text, kept) {
  let result = "";
  for (let i = 0; i < text.length; i++) result += kept[i] === 1 || text[i] === "\n" ? text[i] : " ";
  return result;
}

const blank = (text) => text.replaceAll(/[^\n]/g, " ");

/** Without code spans, fenced code and quoted sentences. */
function withoutCode(text) {
  return text
    .replaceAll(/^```[\s\S]*?^```$/gm, blank)
    .replaceAll(/`[^`\n]+`/g, blank)
    .replaceAll(/"[A-Za-z][^"\n]{15,}(\n[^"\n]*)?"/g, blank);
}

let found = 0;
for (const name of files()) {
  const text = readFileSync(new URL(name, `file://${root}`), "utf8");
  // A phrase may go on in the next line of a comment.
  const prose = proseOf(name, text).replaceAll(
    /\n( *(\*|\/\/) ?)/g,
    (gap) => `\n${" ".repeat(gap.length - 1)}`,
  );
  for (const [pattern, advice] of PHRASES) {
    const spread = new RegExp(pattern.source.replaceAll(" ", "\\s+"), `${pattern.flags}g`);
    for (const match of prose.matchAll(spread)) {
      const line = text.slice(0, match.index).split("\n").length;
      console.log(`${name}:${line}: "${match[0].replaceAll(/\s+/g, " ")}": ${advice}`);
      found++;
    }
  }
}
if (found > 0) {
  console.log(`${found} phrases to say more plainly`);
  process.exitCode = 1;
}
