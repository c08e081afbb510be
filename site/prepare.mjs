// Copies the documents to site/pages/ for VitePress, with links to files outside of docs/ turned into links to the
// repository. The pages stay readable on GitHub, which knows no other base for links.

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const pages = `${root}site/pages/`;
const REPOSITORY = "https://github.com/hawser/hawser/blob/main/";

const OTHERS = ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];

rmSync(pages, { recursive: true, force: true });
mkdirSync(`${pages}public/api`, { recursive: true });

/** Where a link of a document in docs/ leads on the site. */
function linkFromDocs(target) {
  if (/^(https?:|#)/.test(target) || !target.startsWith("../")) return target;
  return REPOSITORY + target.slice(3);
}

/** Where a link of the README leads on the site. */
function linkFromRoot(target) {
  if (/^(https?:|#)/.test(target)) return target;
  if (target.startsWith("docs/")) return `./${target.slice(5)}`;
  return REPOSITORY + target;
}

const relink = (text, link) => text.replaceAll(/\]\(([^)\s]+)\)/g, (_all, target) => `](${link(target)})`);

for (const name of readdirSync(`${root}docs`)) {
  if (!name.endsWith(".md")) continue;
  const text = readFileSync(`${root}docs/${name}`, "utf8");
  writeFileSync(pages + name, relink(text, linkFromDocs).replaceAll(/^```(ts|js) \w+$/gm, "```$1"));
}
cpSync(`${root}docs/assets`, `${pages}assets`, { recursive: true });
cpSync(`${root}build/api`, `${pages}public/api`, { recursive: true });

const readme = readFileSync(`${root}README.md`, "utf8");
writeFileSync(`${pages}index.md`, relink(readme, linkFromRoot).replaceAll(/^```(ts|js) \w+$/gm, "```$1"));
for (const name of OTHERS) {
  writeFileSync(`${pages}${name.toLowerCase()}`, relink(readFileSync(root + name, "utf8"), linkFromRoot));
}
