/**
 * Prices for many: a client sends the names of the shares that it wants to follow, and gets their prices. Published
 * prices wait up to 20 ms and are written together: one write for each client, no matter how many prices there are.
 *
 *     node --import tsx examples/market-data.ts     # then, in another terminal, and type ACME:
 *     npx hawser connect ws://localhost:8080
 */

import { serve } from "hawser";

const SHARES = ["ACME", "HAWSER", "TIDE", "ROPE"];

const server = await serve({
  port: Number(process.env.PORT ?? 8080),
  topics: { publishDelayMs: 20 },
  // A client that reads too slowly misses prices, and the next one is what counts.
  onOverflow: "drop",
  maxBufferedAmount: 1 << 18,
  message(connection, message) {
    if (SHARES.includes(`${message}`)) connection.subscribe(`${message}`);
    else connection.send(JSON.stringify({ error: `there is no ${message}` }));
  },
});
console.log(server.url);

const prices = SHARES.map(() => 100);
setInterval(() => {
  const i = Math.floor(Math.random() * SHARES.length);
  prices[i] += Math.random() - 0.5;
  server.publish(SHARES[i], JSON.stringify({ share: SHARES[i], price: prices[i].toFixed(2) }));
}, 1);
