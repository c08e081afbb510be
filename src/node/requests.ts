/** Ordinary requests of a server: asks the user's callback, answers where it fails, and knows the unfinished ones. */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { runHandler } from "../protocol/index.js";
import { type Deferred, defer } from "./deferred.js";

/** Responses that are not finished. */
export interface OpenResponses {
  /** Resolves when none is under way, and at once after `abandon`. */
  finished(): Promise<void>;
  /** Waits for none any more. */
  abandon(): void;
}

/**
 * Answers the ordinary requests of a server.
 *
 * @param answer - what it throws, or rejects with, is answered with 500; a response that has begun is cut.
 * @param report - told what it threw.
 */
export function answerRequests(
  server: Server,
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
  report: (thrown: unknown, request: IncomingMessage) => void,
): OpenResponses {
  const open = new Set<ServerResponse>();
  let finished: Deferred<void> | undefined;
  let isAbandoned = false;
  server.on("request", (request, response) => {
    open.add(response);
    response.once("close", () => {
      open.delete(response);
      if (open.size === 0) finished?.resolve();
    });
    runHandler(
      () => answer(request, response),
      (thrown) => {
        report(thrown, request);
        answerFailure(response);
      },
    );
  });
  return {
    finished() {
      if (open.size === 0 || isAbandoned) return Promise.resolve();
      finished ??= defer();
      return finished.promise;
    },
    abandon() {
      isAbandoned = true;
      finished?.resolve();
    },
  };
}

/** RFC 9110 §15.6.1. A response whose head has left can only be broken off. */
function answerFailure(response: ServerResponse): void {
  if (response.headersSent) {
    if (!response.writableEnded) response.destroy();
    return;
  }
  try {
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    response.writeHead(500, { "Content-Type": "text/plain" }).end("Internal Server Error\n");
  } catch {
    response.destroy();
  }
}
