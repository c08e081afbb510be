#!/usr/bin/env node
/** The program `hawser`. */

import { main } from "./program.js";

// Whoever reads our output may have had enough of it: `hawser connect … | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});
process.exitCode = await main(process.argv.slice(2), process);
