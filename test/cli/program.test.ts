/** The program as a whole: help, version, misuse, exit codes. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import * as bench from "../../src/cli/bench.js";
import * as connect from "../../src/cli/connect.js";
import * as serve from "../../src/cli/serve.js";
import { run } from "./support.js";

const COMMANDS = { serve, connect, bench };

describe("hawser", { concurrency: 2 }, () => {
  it("--version prints that of package.json", async (t) => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    const long = await run(t, ["--version"]);
    assert.deepEqual(long, { code: 0, signal: null, stdout: `${version}\n`, stderr: "" });
    assert.deepEqual(await run(t, ["-v"]), long);
  });

  it("--help lists the commands", async (t) => {
    const { code, stdout, stderr } = await run(t, ["--help"]);
    assert.deepEqual([code, stderr], [0, ""]);
    for (const name of Object.keys(COMMANDS)) assert.match(stdout, new RegExp(`^ {2}${name}\\b`, "m"));
    assert.equal((await run(t, ["-h"])).stdout, stdout);
  });

  for (const [name, { command, OPTIONS }] of Object.entries(COMMANDS)) {
    it(`${name} --help describes each of its options, with any other arguments`, async (t) => {
      const { code, stdout, stderr } = await run(t, [name, "--nothing", "--help"]);
      assert.deepEqual([code, stderr], [0, ""]);
      assert.equal(stdout, command.help);
      for (const [option, config] of Object.entries(OPTIONS)) {
        const short = "short" in config ? `-${config.short}, ` : " ".repeat(4);
        const value = config.type === "string" ? " '?[A-Z]" : "( |$)";
        assert.match(stdout, new RegExp(`^ {2}${short}--${option}${value}`, "m"), option);
      }
      // Lines fit a narrow terminal, if not the narrowest.
      for (const line of stdout.split("\n")) assert.ok(line.length <= 112, line);
    });
  }

  it("has each option of each command in docs/cli.md", () => {
    const text = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8");
    for (const [name, { OPTIONS }] of Object.entries(COMMANDS)) {
      const [section] = text.split(`\n## hawser ${name}\n`)[1].split("\n## ");
      for (const [option, config] of Object.entries(OPTIONS)) {
        assert.ok(section.includes(`\`--${option}`), `${name} --${option}`);
        if ("short" in config)
          assert.ok(section.includes(`\`-${config.short}\``), `${name} -${config.short}`);
        const value = "default" in config ? config.default : "";
        assert.match(section, new RegExp(`--${option}.*\\| .?${value}`), `${name} --${option}: ${value}`);
      }
    }
  });

  const MISUSE: [args: string[], message: RegExp][] = [
    [[], /^hawser: expected a command \(serve, connect, bench\), not nothing\nTry: hawser --help\n$/],
    [["dance"], /^hawser: expected a command \(serve, connect, bench\), not "dance"\n/],
    [["toString"], /^hawser: expected a command .*, not "toString"\n/],
    [["\x1b[2J"], /not "\\x1b\[2J"\n/],
    [["serve", "--nothing"], /^hawser serve: there is no option --nothing\nTry: hawser serve --help\n$/],
    [["serve", "eighty"], /PORT must be a whole number from 0 to 65535, not "eighty"/],
    [["serve", "1", "2"], /expected only PORT beside options, not also "2"/],
    [["connect"], /expected a URL/],
    [
      ["connect", "a", "--", "--help"],
      /^hawser connect: expected only URL beside options, not also "--help"\n/,
    ],
    [["bench", "ftp://h"], /the scheme of a WebSocket URL must be/],
  ];
  for (const [args, message] of MISUSE) {
    it(`${JSON.stringify(args)} is misuse`, async (t) => {
      const { code, stdout, stderr } = await run(t, args);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
    });
  }
});
