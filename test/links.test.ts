/** Links of the documents: each leads to a file that is there, and to a heading of it. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));

const documents = ["", "docs/", ".github/"].flatMap((folder) =>
  existsSync(path.join(root, folder))
    ? readdirSync(path.join(root, folder))
        .filter((name) => name.endsWith(".md"))
        .map((name) => folder + name)
    : [],
);
const texts = new Map(documents.map((name) => [name, readFileSync(path.join(root, name), "utf8")]));

/** Pages that another change brings; a page that is there must leave this list. */
const ARRIVING: readonly string[] = [];

describe("links", () => {
  test("lead to pages that are there, or are on their way", () => {
    assert.deepEqual(
      ARRIVING.filter((name) => existsSync(path.join(root, name))),
      [],
      "take these out of the list",
    );
  });

  /** The anchors that a document's headings have. */
  const anchorsOf = (text: string) =>
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    );

  for (const [document, text] of texts) {
    test(`of ${document} lead somewhere`, () => {
      const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target]) => target)
        .filter((target) => {
          if (/^https?:/.test(target)) return false;
          const [file, anchor] = target.split("#");
          const full = file === "" ? document : path.posix.join(path.posix.dirname(document), file);
          if (ARRIVING.includes(full)) return false;
          if (!existsSync(path.join(root, full))) return true;
          return anchor !== undefined && !anchorsOf(texts.get(full) ?? "").includes(anchor);
        });
      assert.deepEqual(broken, []);
    });
  }
});
