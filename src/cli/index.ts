#!/usr/bin/env node
/** The program `hawser`. */

import { main } from "./program.js";

// The reader of our output may close it early: `hawser connect … | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});
process.exitCode = await main(process.argv.slice(2), process);
