/** Schemas of zod, valibot and arktype, the real packages: they validate messages, and their types are inferred. */

import assert from "node:assert/strict";
import { symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { createFolder, npm, removeFolder, root, run } from "./support.js";

const LIBRARIES: Readonly<Record<string, { version: string; schema: string }>> = {
  zod: {
    version: "4.6.7",
    schema:
      'import { z } from "zod"; const Order = z.object({ id: z.number(), note: z.string().optional() });',
  },
  valibot: {
    version: "1.5.0",
    schema:
      'import * as v from "valibot"; const Order = v.object({ id: v.number(), note: v.optional(v.string()) });',
  },
  arktype: {
    version: "2.2.10",
    schema: 'import { type } from "arktype"; const Order = type({ id: "number", "note?": "string" });',
  },
};

const PROGRAM = `
import { connect, serve, typed } from "hawser";
const server = await serve({
  hostname: "127.0.0.1",
  message(connection, message) {
    const order = message.json(Order);
    const id: number = order.id;
    connection.sendJson({ id: id + 1 });
  },
});
const orders = typed(await connect(server.url), { in: Order, out: Order });
orders.send({ id: 1 });
const first = await orders.receive();
const id: number | undefined = first?.id;
let refused = "";
try {
  // @ts-expect-error an id is a number
  orders.send({ id: "x" });
} catch (error) {
  refused = (error as Error).name;
}
orders.connection.send('{"id":"x"}');
const { code } = await orders.connection.closed;
console.log(JSON.stringify([id, refused, code]));
await server.close();
`;

describe("schemas of", () => {
  let folder = "";
  before(async () => {
    folder = await createFolder({
      "package.json": {
        private: true,
        type: "module",
        dependencies: Object.fromEntries(
          Object.entries(LIBRARIES).map(([name, { version }]) => [name, version]),
        ),
      },
      "tsconfig.json": {
        extends: path.join(root, "tsconfig.json"),
        compilerOptions: { typeRoots: [path.join(root, "node_modules/@types")] },
        include: ["*.ts"],
      },
    });
    await npm(["install", "--no-audit", "--no-fund", "--loglevel=error"], folder);
    await symlink(root, path.join(folder, "node_modules/hawser"), "junction");
    for (const [name, { schema }] of Object.entries(LIBRARIES)) {
      await writeFile(path.join(folder, `${name}.ts`), schema + PROGRAM);
    }
  });
  after(() => removeFolder(folder));

  it("all have types that are inferred", async () => {
    await run(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", "."], folder);
  });

  for (const name of Object.keys(LIBRARIES)) {
    it(`${name} validate messages`, async () => {
      const { stdout, stderr } = await run(
        process.execPath,
        ["--import", import.meta.resolve("tsx"), `${name}.ts`],
        folder,
      );
      assert.equal(stderr, "", "nothing that a peer does is printed");
      assert.deepEqual(JSON.parse(stdout), [2, "InvalidMessageError", 1007]);
    });
  }
});
