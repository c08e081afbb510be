import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";

const pages = fileURLToPath(new URL("../pages/", import.meta.url));

/** The pages of a group that are there, with their titles. */
function group(text, entries) {
  const items = entries
    .filter(([name]) => existsSync(`${pages}${name}.md`))
    .map(([name, title]) => ({ text: title, link: `/${name}` }));
  return { text, items };
}

export default defineConfig({
  title: "hawser",
  description: "WebSocket for Node and browsers: servers, clients, and a codec compiled to WebAssembly.",
  srcDir: "pages",
  outDir: "../build/site",
  cleanUrls: true,
  // Links to pages that are not written yet; test/links.test.ts checks all others.
  ignoreDeadLinks: true,
  vite: { publicDir: "public" },
  markdown: { languageAlias: { haproxy: "ini" } },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Getting started", link: "/getting-started" },
      { text: "Recipes", link: "/recipes" },
      { text: "Performance", link: "/performance" },
      { text: "API", link: "/api/index.html", target: "_self" },
    ],
    sidebar: [
      group("Start", [
        ["getting-started", "Getting started"],
        ["recipes", "Recipes"],
        ["ws-migration", "If you use ws"],
        ["comparison", "Comparison"],
      ]),
      group("Use", [
        ["server", "Servers"],
        ["client", "Clients"],
        ["connection", "Connections"],
        ["browser", "Browsers and edge"],
        ["reconnecting", "Reconnecting"],
        ["topics", "Topics"],
        ["streams", "Streams"],
        ["json", "JSON"],
        ["whatwg", "WHATWG WebSocket"],
        ["compression", "Compression"],
        ["cli", "Command line"],
      ]),
      group("Operate", [
        ["deployment", "Deployment"],
        ["security", "Security"],
        ["observability", "Observability"],
        ["performance", "Performance"],
      ]),
      group("Embed and change", [
        ["codec", "Codec"],
        ["protocol", "Protocol"],
        ["architecture", "Architecture"],
        ["contributing", "Contributing"],
        ["changelog", "Changelog"],
      ]),
    ],
    socialLinks: [{ icon: "github", link: "https://github.com/hawser/hawser" }],
  },
});
