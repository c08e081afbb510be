/** The tarball that npm would publish, and what its package.json promises. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { createFolder, install, type Packed, pack, removeFolder, root, run } from "./support.js";

/** Bytes that the compiled kernel may have. */
const MAX_KERNEL_SIZE = 12 * 1024;

const LINTERS = { publint: "0.3.25", "@arethetypeswrong/cli": "0.18.5" };

const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

/** Paths of the files under a folder of the project, from its root, with slashes. */
function filesIn(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

describe("the tarball", () => {
  let folder = "";
  let packed: Packed;
  let paths: string[] = [];

  before(async () => {
    folder = await createFolder({});
    packed = await pack(folder);
    paths = packed.files.map((file) => file.path);
  });
  after(() => removeFolder(folder));

  test("holds all sources, generated ones included", () => {
    for (const source of [...filesIn("src"), ...filesIn("assembly")]) {
      assert.ok(paths.includes(source), `${source} is missing`);
    }
    assert.ok(paths.includes("src/kernel/generated/bytes.ts"));
    assert.ok(paths.includes("src/kernel/generated/layout.ts"));
  });

  test("holds what the build makes of each source, and nothing older", () => {
    const built = paths.filter((name) => name.startsWith("dist/"));
    const stems = filesIn("src").map((source) => source.replace(/^src\//, "dist/").replace(/\.ts$/, ""));
    const modules = ["kernel", "compression"].map((name) => `dist/${name}.wasm`);
    assert.deepEqual(built.filter((name) => name.endsWith(".wasm")).sort(), [...modules].sort());
    const declarations = [
      ...stems.flatMap((stem) => [`${stem}.d.ts`, `${stem}.d.ts.map`]),
      ...modules.map((name) => `${name}.d.ts`),
    ];
    assert.deepEqual(built.filter((name) => /\.d\.ts(\.map)?$/.test(name)).sort(), declarations.sort());
    // For tools that cannot require ES modules, each has a twin; the program and the file for pages have none.
    const hasTwin = (name: string) => !/^dist\/(cli\/|hawser\.browser\.|[^/]*\.wasm)/.test(name);
    for (const [ending, twin] of [
      [".js", ".cjs"],
      [".d.ts", ".d.cts"],
    ]) {
      const twins = built.filter((name) => name.endsWith(ending) && hasTwin(name));
      assert.deepEqual(
        built.filter((name) => name.endsWith(twin)).sort(),
        twins.map((name) => name.slice(0, -ending.length) + twin).sort(),
      );
    }
    // Layers are bundled: a door each, and what doors share.
    const isBundled = (stem: string) =>
      /^dist\/(kernel|codec|protocol|node|browser|ws)\//.test(stem) && !/\/index$/.test(stem);
    const scripts = stems
      .filter((stem) => !isBundled(stem))
      .flatMap((stem) => [`${stem}.js`, `${stem}.js.map`]);
    const rest = built.filter((name) => /\.js(\.map)?$/.test(name) && !name.startsWith("dist/shared/"));
    assert.deepEqual(rest.sort(), scripts.sort());
    assert.ok(built.some((name) => /^dist\/shared\/[^/]*\.js$/.test(name)));
  });

  test("holds the papers and nothing else", () => {
    const rest = paths.filter((name) => !/^(dist|src|assembly)\//.test(name));
    const papers = ["CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "THIRD-PARTY-NOTICES.md"];
    assert.deepEqual(rest.sort(), [...papers, ...filesIn("docs"), "package.json"].sort());
  });

  test("has source maps that lead to sources in it, or have them", () => {
    for (const name of paths.filter((file) => file.endsWith(".map"))) {
      const { sources, sourcesContent } = JSON.parse(readFileSync(path.join(root, name), "utf8"));
      for (const [i, relative] of sources.entries()) {
        if (typeof sourcesContent?.[i] === "string") continue;
        const source = path.posix.join(path.posix.dirname(name), relative);
        assert.ok(paths.includes(source), `${name} leads to ${source}`);
      }
    }
  });

  test("exports files that it holds, types first", () => {
    type Target = string | { readonly [condition: string]: Target };
    const check = (entry: string, target: Target): void => {
      if (typeof target === "string") {
        assert.ok(paths.includes(target.replace(/^\.\//, "")), `${entry} exports ${target}`);
        return;
      }
      const conditions = Object.keys(target);
      if ("default" in target) assert.deepEqual(conditions, ["types", "default"], entry);
      for (const [condition, next] of Object.entries(target)) check(`${entry} (${condition})`, next);
    };
    for (const [entry, target] of Object.entries<Target>(manifest.exports)) check(entry, target);
    for (const name of ["unpkg", "jsdelivr"]) assert.equal(manifest[name], "./dist/hawser.browser.js");
    for (const name of ["main", "types"]) assert.ok(paths.includes(manifest[name].replace(/^\.\//, "")));
  });

  test("gives Node one module, by import and by require, and others one each", () => {
    const twins = (stem: string) => ({
      import: { types: `./dist/${stem}.d.ts`, default: `./dist/${stem}.js` },
      require: { types: `./dist/${stem}.d.cts`, default: `./dist/${stem}.cjs` },
    });
    // Node takes the first condition that it knows: `module-sync`, for both.
    const conditions = (stem: string) => ({ "module-sync": twins(stem).import, ...twins(stem) });
    const page = twins("index.browser");
    const wsOfPage = twins("compat/ws-browser");
    const expected = {
      ".": { "react-native": page, browser: page, ...conditions("index") },
      "./codec": conditions("codec/index"),
      "./protocol": conditions("protocol/index"),
      "./broadcast-channel": conditions("brokers/broadcast-channel"),
      "./redis": conditions("brokers/redis"),
      "./nats": conditions("brokers/nats"),
      "./bufferutil": conditions("compat/bufferutil"),
      "./utf-8-validate": conditions("compat/utf-8-validate"),
      "./ws": { "react-native": wsOfPage, browser: wsOfPage, ...conditions("ws/index") },
    };
    for (const [entry, given] of Object.entries(expected)) {
      assert.equal(JSON.stringify(manifest.exports[entry]), JSON.stringify(given), "in this order");
    }
  });

  test("passes publint and arethetypeswrong", { timeout: 300_000 }, async () => {
    const linters = await createFolder({ "package.json": { private: true, devDependencies: LINTERS } });
    try {
      await install(linters);
      const tarball = path.join(folder, packed.filename);
      // Both end with an error where they find a fault.
      await run(process.execPath, ["node_modules/publint/src/cli.js", "run", tarball, "--strict"], linters);
      const others = [
        "--exclude-entrypoints",
        "kernel.wasm",
        "compression.wasm",
        "hawser.browser.js",
        "hawser.client.js",
      ];
      const attw = "node_modules/@arethetypeswrong/cli/dist/index.js";
      await run(process.execPath, [attw, tarball, ...others], linters);
    } finally {
      await removeFolder(linters);
    }
  });

  test("holds the program, for Node to run", () => {
    assert.deepEqual(Object.keys(manifest.bin), ["hawser"]);
    const file = manifest.bin.hawser.replace(/^\.\//, "");
    assert.ok(paths.includes(file));
    assert.match(readFileSync(path.join(root, file), "utf8"), /^#!\/usr\/bin\/env node\n/);
  });
});

describe("package.json", () => {
  test("supports Node 20.19 and later", () => {
    assert.deepEqual(manifest.engines, { node: ">=20.19" });
    assert.equal(manifest.type, "module");
  });

  test("says that modules have no side effects", () => assert.equal(manifest.sideEffects, false));

  test("has no dependency", () => {
    assert.equal(manifest.dependencies, undefined);
    // What brokers talk to is the user's choice: nothing is installed for it.
    const peers = ["@nats-io/transport-node", "redis"];
    assert.deepEqual(Object.keys(manifest.peerDependencies).sort(), peers);
    for (const peer of peers) assert.equal(manifest.peerDependenciesMeta[peer].optional, true);
    assert.equal(manifest.optionalDependencies, undefined);
  });

  test("runs nothing when it is installed", () => {
    // npm 11 warns of `prepare` too.
    for (const script of ["preinstall", "install", "postinstall", "prepublish", "prepare"]) {
      assert.equal(manifest.scripts[script], undefined);
    }
  });

  test("says where it comes from", () => {
    assert.equal(manifest.repository.type, "git");
    assert.match(manifest.repository.url, /^git\+https:\/\/github\.com\/[^/]+\/hawser\.git$/);
  });

  test("has the notices of the code of others that it contains", () => {
    const notices = readFileSync(path.join(root, "THIRD-PARTY-NOTICES.md"), "utf8");
    for (const text of ["Apache License", "@assemblyscript/loader", "Daniel Wirtz"]) {
      assert.ok(notices.includes(text), text);
    }
    const bundles = [
      "dist/hawser.browser.js",
      "dist/hawser.client.js",
      ...filesIn("dist/shared").filter((name) => /\.c?js$/.test(name)),
    ];
    for (const name of bundles) {
      const code = readFileSync(path.join(root, name), "utf8");
      const isIn = /instantiateStreaming/.test(code);
      assert.equal(/\/\*! @assemblyscript\/loader [\d.]+, Apache-2\.0/.test(code), isIn, name);
    }
  });

  test("has the licence of the LICENSE file", () => {
    assert.equal(manifest.license, "MIT");
    assert.match(readFileSync(path.join(root, "LICENSE"), "utf8"), /^MIT License\n/);
  });

  test("has a changelog entry for its version", () => {
    const changelog = readFileSync(path.join(root, "CHANGELOG.md"), "utf8");
    assert.ok(changelog.includes(`\n## ${manifest.version} `));
  });
});

describe("the kernel", () => {
  const inlined = (name: string) => {
    const generated = readFileSync(path.join(root, `src/kernel/generated/${name}.ts`), "utf8");
    return Buffer.from(/"([A-Za-z0-9+/=]{100,})"/.exec(generated)?.[1] ?? "", "base64");
  };
  const bytes = inlined("bytes");

  test("is the same in the sources and as a file, and so is compression", () => {
    for (const [name, file] of [
      ["bytes", "kernel"],
      ["compression-bytes", "compression"],
    ]) {
      assert.deepEqual(inlined(name), readFileSync(path.join(root, `dist/${file}.wasm`)));
    }
  });

  test("is a WebAssembly module", () => assert.ok(WebAssembly.validate(bytes)));

  test(`has less than ${MAX_KERNEL_SIZE} bytes`, () => {
    assert.ok(bytes.length < MAX_KERNEL_SIZE, `has ${bytes.length}`);
  });
});
