/**
 * Huffman codes of limited length (RFC 1951 §3.2.2) out of counts. Knows symbols and their counts; not what
 * they mean.
 */

import { DIGITS, NODES, SORTED, SORTING, storeCode } from "./deflate-layout";

/** Behind its count, which is below 2^15, an entry has its symbol in the lowest bits. */
const SYMBOL_BITS: u32 = 9;
const SYMBOL_MASK: u32 = 0x1ff;
const DIGIT_BITS: u32 = 5;
const DIGIT_MASK: u32 = 0x1f;
const DIGIT_TABLE: usize = 128;

/** Collects the symbols that have a count, and returns how many; at least two, so that no code is incomplete. */
function gather(counts: usize, symbolCount: u32): u32 {
  let end = SORTING;
  for (let symbol: u32 = 0; symbol < symbolCount; symbol++) {
    const count = load<u32>(counts + (symbol << 2));
    if (count) {
      store<u32>(end, (count << SYMBOL_BITS) | symbol);
      end += 4;
    }
  }
  // §3.2.7 has a code of one symbol, or of none, for distances only, and not every decoder takes that.
  for (let symbol: u32 = 0; end < SORTING + 8; symbol++) {
    if (load<u32>(counts + (symbol << 2)) == 0) {
      store<u32>(end, (1 << SYMBOL_BITS) | symbol);
      end += 4;
    }
  }
  return <u32>(end - SORTING) >> 2;
}

/** Sorts the collected symbols by count, least first, into SORTED. A radix sort, lowest digit first. */
function sort(length: u32): void {
  memory.fill(DIGITS, 0, 3 * DIGIT_TABLE);
  const end = SORTING + (length << 2);
  for (let at = SORTING; at < end; at += 4) {
    const count = load<u32>(at) >> SYMBOL_BITS;
    const low = DIGITS + ((count & DIGIT_MASK) << 2);
    const middle = DIGITS + (((count >> DIGIT_BITS) & DIGIT_MASK) << 2);
    const high = DIGITS + ((count >> (2 * DIGIT_BITS)) << 2);
    store<u32>(low, load<u32>(low) + 4);
    store<u32>(middle, load<u32>(middle, DIGIT_TABLE) + 4, DIGIT_TABLE);
    store<u32>(high, load<u32>(high, 2 * DIGIT_TABLE) + 4, 2 * DIGIT_TABLE);
  }
  let from = SORTING;
  let to = SORTED;
  for (let pass: u32 = 0; pass < 3; pass++) {
    const digits = DIGITS + <usize>pass * DIGIT_TABLE;
    let place = to;
    for (let digit: usize = 0; digit < DIGIT_TABLE; digit += 4) {
      const taken = load<u32>(digits + digit);
      store<u32>(digits + digit, place);
      place += taken;
    }
    const shift = SYMBOL_BITS + pass * DIGIT_BITS;
    for (let at: usize = 0; at < length << 2; at += 4) {
      const entry = load<u32>(from + at);
      const digit = digits + (((entry >> shift) & DIGIT_MASK) << 2);
      const target = load<u32>(digit);
      store<u32>(target, entry);
      store<u32>(digit, target + 4);
    }
    const other = from;
    from = to;
    to = other;
  }
}

/**
 * Builds the tree over SORTED: joins the two lightest nodes until one is left. Inner nodes come into being in
 * the order of their weights, so the lightest is always the next leaf or the next inner node (the method of
 * van Leeuwen; Moffat and Katajainen, "In-Place Calculation of Minimum-Redundancy Codes", 1995). Leaves in NODES
 * for each inner node but the last, the root, the address of its parent.
 *
 * @returns the address of the root.
 */
function buildTree(length: u32): usize {
  const leafEnd = SORTED + (length << 2);
  const root = NODES + ((length - 2) << 2);
  // Heavier than anything: behind the leaves, and where an inner node is not made yet.
  store<u32>(leafEnd, 0xffffffff);
  store<u32>(NODES, 0xffffffff);
  let leaf = SORTED;
  let inner = NODES;
  let leafWeight = load<u32>(leaf) >> SYMBOL_BITS;
  let innerWeight: u32 = 0xffffffff;
  for (let node = NODES; node <= root; node += 4) {
    let weight: u32 = 0;
    for (let child = 0; child < 2; child++) {
      if (leafWeight <= innerWeight) {
        weight += leafWeight;
        leaf += 4;
        leafWeight = load<u32>(leaf) >> SYMBOL_BITS;
      } else {
        weight += innerWeight;
        store<u32>(inner, node);
        inner += 4;
        innerWeight = load<u32>(inner);
      }
    }
    store<u32>(node, weight);
    store<u32>(node, 0xffffffff, 4);
    if (inner == node) innerWeight = weight;
  }
  return root;
}

/**
 * Counts in DIGITS how many codes have each length. From the root down, each inner node takes the place of a
 * leaf and hangs two below it. Where those would be too deep it takes the place of another leaf: the deepest that
 * can have any below it. So the code stays complete.
 */
function countLengths(root: usize, limit: u32): void {
  memory.fill(DIGITS, 0, DIGIT_TABLE);
  store<u32>(DIGITS, 2, 1 << 2);
  store<u32>(root, 0);
  for (let node = root; node > NODES; ) {
    node -= 4;
    const depth = load<u32>(load<u32>(node)) + 1;
    store<u32>(node, depth);
    let length = min(depth, limit - 1);
    while (load<u32>(DIGITS + (length << 2)) == 0) length--;
    const place = DIGITS + (length << 2);
    store<u32>(place, load<u32>(place) - 1);
    store<u32>(place, load<u32>(place, 4) + 2, 4);
  }
}

/**
 * Makes the code for `symbolCount` symbols: lengths of at most `limit` bits, 0 for symbols without a count, and the
 * entries of those with one (`deflate-layout.ts`). Symbols without a count may get a code when there are not two
 * with one. The counts must not sum up to 2^15 or more.
 *
 * @returns how many symbols there are up to the last that has a code.
 */
export function makeCode(
  counts: usize,
  symbolCount: u32,
  limit: u32,
  extraBits: usize,
  lengths: usize,
  codes: usize,
): u32 {
  const used = gather(counts, symbolCount);
  sort(used);
  countLengths(buildTree(used), limit);
  memory.fill(lengths, 0, symbolCount);
  let at = SORTED;
  let code: u32 = 0;
  for (let length = limit; length > 0; length--) {
    for (let left = load<u32>(DIGITS + (length << 2)); left > 0; left--, at += 4) {
      store<u8>(lengths + (load<u32>(at) & SYMBOL_MASK), length);
    }
  }
  // §3.2.2: codes of one length are consecutive, in the order of their symbols.
  for (let length: u32 = 1; length <= limit; length++) {
    const place = DIGITS + (length << 2);
    const taken = load<u32>(place);
    store<u32>(place, code);
    code = (code + taken) << 1;
  }
  let end: u32 = 0;
  for (let symbol: u32 = 0; symbol < symbolCount; symbol++) {
    const length = <u32>load<u8>(lengths + symbol);
    if (length == 0) continue;
    const place = DIGITS + (length << 2);
    const own = load<u32>(place);
    store<u32>(place, own + 1);
    storeCode(codes + (symbol << 2), own, length, load<u8>(extraBits + symbol));
    end = symbol + 1;
  }
  return end;
}
