/** Which handlers a path has, and which paths are refused at the start. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readRoutes } from "../../src/node/routes.js";

const all = {};
const one = {};

describe("readRoutes", () => {
  it("without path and routes every path is ours", () => {
    const routes = readRoutes(all, undefined, undefined);
    assert.equal(routes.isSelective, false);
    assert.equal(routes.find("/x?y"), all);
  });

  it("compares paths without their query", () => {
    const routes = readRoutes(all, "/a", { "/b": one });
    assert.equal(routes.isSelective, true);
    assert.deepEqual(
      ["/a", "/a?b", "/b", "/b?a", "/", "/a/", "/A", "/a?/b", "/c?/a"].map((path) => routes.find(path)),
      [all, all, one, one, undefined, undefined, undefined, all, undefined],
    );
    const some = readRoutes(all, /^\/a\d$/g, { "/a1": one });
    for (let round = 0; round < 2; round++) {
      assert.deepEqual(
        ["/a1", "/a2?x", "/b"].map((path) => some.find(path)),
        [one, all, undefined],
      );
    }
  });

  it("percent-encodes what a URL cannot hold, as clients do", () => {
    for (const path of ["/café", "/a b", "/水/😀", '/<"`{}>', "/~!$&'()*+,;=:@-._[]|^\\"]) {
      const sent = path.startsWith("/~") ? path : new URL(`http://h${path}`).pathname;
      assert.equal(readRoutes(all, path, undefined).find(sent), all, sent);
      assert.equal(readRoutes(all, undefined, { [path]: one }).find(sent), one);
    }
    assert.equal(readRoutes(all, "/caf%C3%A9", undefined).find("/caf%C3%A9"), all);
  });

  it("refuses paths that no request has", () => {
    const cases: [path: unknown, message: RegExp][] = [
      ["echo", /must begin with "\/", not be "echo"/],
      ["", /must begin with "\/"/],
      ["ws://h/a", /must begin with "\/"/],
      ["/a?b", /no query and no fragment/],
      ["/a#b", /no query and no fragment/],
      ["/a/../b", /"\."/],
      ["/.", /"\."/],
      ["/a/%2E%2e", /"\."/],
      ["/a\nb", /control characters/],
      ["/\x7f", /control characters/],
      ["/\ud800", /well-formed/],
    ];
    for (const [path, message] of cases) {
      assert.throws(() => readRoutes(all, path as string, undefined), { name: "TypeError", message });
      assert.throws(() => readRoutes(all, undefined, { [path as string]: one }), {
        name: "TypeError",
        message,
      });
    }
    for (const path of [5, null, {}, ["/a"]]) {
      assert.throws(
        () => readRoutes(all, path as string, undefined),
        /path must be a string or an expression/,
      );
    }
  });

  it("refuses anything that is not routes, no handlers, and one path twice", () => {
    for (const routes of [5, "x", null, true])
      assert.throws(() => readRoutes(all, undefined, routes as never), TypeError);
    for (const given of [null, 5, () => {}]) {
      assert.throws(
        () => readRoutes(all, undefined, { "/a": given as never }),
        /the route "\/a" must be an object of handlers/,
      );
    }
    assert.throws(() => readRoutes(all, "/a", { "/a": one }), /twice/);
    assert.throws(() => readRoutes(all, undefined, { "/é": one, "/%C3%A9": one }), /twice/);
  });

  it("reads routes once", () => {
    const routes = { "/a": one };
    const { find } = readRoutes(all, undefined, routes);
    Object.assign(routes, { "/b": one, "/a": all });
    assert.deepEqual([find("/a"), find("/b")], [one, undefined]);
  });
});
