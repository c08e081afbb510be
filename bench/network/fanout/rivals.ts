/** What the processes of `npm run bench:fanout` agree on. */

export const RIVALS = ["hawser", "hawser, publishDelayMs: 5", "ws", "Socket.IO", "uWebSockets.js"] as const;
export type RivalName = (typeof RIVALS)[number];

export const TOPIC = "prices";
export const PAYLOAD_LENGTH = 200;
/** A message begins with the time in microseconds, on the clock that all processes share. */
export const STAMP_LENGTH = 20;

/** What Socket.IO puts before and behind a message. */
export const SOCKET_IO_BEFORE = '42["m","';
const SOCKET_IO_BEHIND = '"]';

/** Bytes of a message's frame, and where in it the message begins. */
export function frameOf(rival: RivalName): { length: number; start: number } {
  const isSocketIo = rival === "Socket.IO";
  const before = isSocketIo ? SOCKET_IO_BEFORE.length : 0;
  const payload = before + PAYLOAD_LENGTH + (isSocketIo ? SOCKET_IO_BEHIND.length : 0);
  const header = payload < 126 ? 2 : 4;
  return { length: header + payload, start: header + before };
}
