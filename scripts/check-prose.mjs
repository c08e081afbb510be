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

/** Names of recorded cases and scripts: keys of these files, which keep their words. */
const RECORDED = [
  ["test/conformance/cases/", "test/conformance/outcomes/frames.txt", (key) => `: ${key} → `],
  ["test/conformance/cases/", "test/conformance/outcomes/handshakes.txt", (key) => `: ${key} → `],
  [
    "test/ws/differential/",
    "test/ws/differential/allowed-logs.json",
    (key) => `\n  ${JSON.stringify(key)}: `,
  ],
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
      name !== "scripts/check-prose.mjs",
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
  const isRecorded = recordedIn(name);
  const keepComments = (ranges) => {
    for (const { pos, end } of ranges ?? []) keep(pos, end);
  };
  const visit = (node) => {
    keepComments(ts.getLeadingCommentRanges(text, node.pos));
    keepComments(ts.getTrailingCommentRanges(text, node.end));
    const isText = ts.isStringLiteral(node) || node.kind === ts.SyntaxKind.NoSubstitutionTemplateLiteral;
    const isPart = ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node);
    if ((isText && !isRecorded(node.text)) || isPart || node.kind === ts.SyntaxKind.JsxText)
      keep(node.getStart(source) + 1, node.end - 1);
    for (const child of node.getChildren(source)) visit(child);
  };
  visit(source);
  return withoutCode(mask(text, kept));
}

/**
 * Whether a string of a file is the name of a recorded case.
 *
 * @param {string} name
 */
function recordedIn(name) {
  const searches = RECORDED.filter(([folder]) => name.startsWith(folder)).map(([, file, entryOf]) => {
    const recorded = readFileSync(new URL(file, `file://${root}`), "utf8");
    return (key) => recorded.includes(entryOf(key));
  });
  return (key) => searches.some((search) => search(key));
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
