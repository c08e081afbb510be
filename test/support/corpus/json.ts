/** JSON as servers send it: pages of an API, events of a chat, updates of a market. */

import { fullName, sentence } from "./prose.js";
import type { Random } from "./random.js";

const SYMBOLS = ["BTC-EUR", "ETH-EUR", "SOL-USD", "ADA-USD", "XRP-EUR", "DOT-USD", "LTC-EUR", "LINK-USD"];
const STATUSES = ["active", "active", "active", "pending", "archived", "cancelled"];
const TAGS = ["new", "priority", "eu-west", "beta", "imported", "vip", "trial", "backend", "needs-review"];
const EPOCH = Date.UTC(2024, 2, 1, 8);

/** What a server keeps between two messages: time passes, numbers count up, prices wander. */
export class World {
  readonly random: Random;
  #timeMs = EPOCH;
  #sequence: number;
  readonly #prices = SYMBOLS.map((_, i) => 60_000 / (1 + 7 * i));
  readonly #people: { id: number; name: string }[];
  readonly #rooms: string[];

  constructor(random: Random) {
    this.random = random;
    this.#sequence = 318_000_000 + random.below(1_000_000);
    this.#people = Array.from({ length: 60 }, () => ({
      id: 1000 + random.below(9000),
      name: fullName(random),
    }));
    this.#rooms = Array.from({ length: 12 }, () => `r_${random.hex(8)}`);
  }

  /** One event; what an open dashboard or chat receives many of. About 150 to 300 characters. */
  event(): object {
    const { random } = this;
    const kind = random.fraction();
    if (kind < 0.5) return this.#ticker();
    const base = { room: random.pickZipf(this.#rooms), seq: this.#next(), ts: this.#now() };
    const user = random.pickZipf(this.#people);
    if (kind < 0.85)
      return { type: "message.new", ...base, id: random.hex(16), user, text: sentence(random) };
    if (kind < 0.93) return { type: "typing.start", ...base, user, expires_in: 5000 };
    return {
      type: "presence",
      ...base,
      user,
      status: random.pick(["online", "away", "offline"]),
      devices: 1,
    };
  }

  /** A record of a page; about 600 characters. */
  record(): object {
    const { random } = this;
    const created = this.#now() - random.below(90 * 86_400_000);
    const owner = random.pickZipf(this.#people);
    return {
      id: random.uuid(),
      number: this.#next(),
      title: sentence(random),
      status: random.pick(STATUSES),
      owner: { id: owner.id, name: owner.name, avatar_url: `https://cdn.example.com/a/${owner.id}.png?s=64` },
      amount: {
        value: (random.below(500_000) / 100).toFixed(2),
        currency: random.pick(["EUR", "EUR", "USD"]),
      },
      tags: TAGS.filter(() => random.chance(0.2)),
      location: random.chance(0.4)
        ? { lat: 47 + random.below(8_000_000) / 1e6, lon: 6 + random.below(9_000_000) / 1e6 }
        : null,
      comments_count: random.below(12),
      is_public: random.chance(0.8),
      created_at: new Date(created).toISOString(),
      updated_at: new Date(created + random.below(86_400_000)).toISOString(),
      links: {
        self: `/api/v2/tickets/${this.#sequence}`,
        comments: `/api/v2/tickets/${this.#sequence}/comments`,
      },
    };
  }

  #ticker(): object {
    const { random } = this;
    const i = random.below(SYMBOLS.length);
    const price = (this.#prices[i] *= 1 + random.bell() / 2000);
    const step = (share: number) => (price * (1 + share)).toFixed(2);
    return {
      type: "ticker",
      seq: this.#next(),
      product_id: SYMBOLS[i],
      price: step(0),
      open_24h: (60_000 / (1 + 7 * i)).toFixed(2),
      volume_24h: (random.below(1e9) / 1e4).toFixed(4),
      best_bid: step(-0.0002),
      best_ask: step(0.0002),
      side: random.pick(["buy", "sell"]),
      time: new Date(this.#now()).toISOString(),
      last_size: (random.below(1e6) / 1e6).toString(),
    };
  }

  #next(): number {
    return (this.#sequence += this.random.between(1, 9));
  }

  #now(): number {
    return (this.#timeMs += this.random.below(400));
  }
}

/** One message of about `length` characters: an event or a page, whole. */
export function jsonMessage(world: World, length: number): string {
  if (length < 120) return JSON.stringify({ type: "ack", seq: world.random.below(1e6) });
  let text = JSON.stringify(world.event());
  if (length < 2 * text.length) return text;
  const isFeed = world.random.chance(0.5);
  const items: string[] = [];
  const head = isFeed ? '{"type":"batch","events":[' : '{"object":"list","data":[';
  for (let size = head.length; size < length; size += text.length + 1) {
    if (items.length > 0 || !isFeed) text = JSON.stringify(isFeed ? world.event() : world.record());
    if (items.length > 0 && size + text.length / 2 > length) break;
    items.push(text);
  }
  const cursor = world.random.hex(24);
  return `${head}${items.join(",")}],"has_more":true,"next_cursor":"${cursor}","count":${items.length}}`;
}
