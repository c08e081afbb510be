/**
 * Proxies: one that the caller names, or that the environment names where the caller wants it or Node is configured so
 * (`NODE_USE_ENV_PROXY`, Node 24 and later). As RFC 6455 §4.1 has it, by a tunnel for ws as well as for wss.
 */

import http from "node:http";
import https from "node:https";
import net from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import { nameOf, type WebSocketUrl } from "../protocol/index.js";
import type { CreateStream } from "./user-functions.js";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The option `proxy`, checked.
 *
 * @throws {TypeError} for what names no proxy.
 */
export function readProxy(proxy: unknown): boolean | URL | undefined {
  if (proxy === undefined || typeof proxy === "boolean") return proxy;
  const expected = "proxy must be a URL such as http://proxy.example:3128, or true or false";
  if (typeof proxy !== "string" && !(proxy instanceof URL)) {
    throw new TypeError(`${expected}, not ${nameOf(proxy)}`);
  }
  let url: URL | undefined;
  try {
    url = new URL(proxy);
  } catch {
    // Not repeated in the message: it may have a password.
  }
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new TypeError(url === undefined ? expected : `${expected}; ${url.protocol} is not supported`);
}

/** This machine. A proxy that the environment names for the network would look for itself. */
const LOOPBACK = /^(?:localhost|.*\.localhost|127(?:\.\d+){3}|::1)$/;

/**
 * The proxy for a URL; undefined where it is connected to directly.
 *
 * @param wanted - true: what the environment says, except for this machine. undefined: the same if Node uses it.
 */
export function proxyFor(url: WebSocketUrl, wanted?: boolean | URL): URL | undefined {
  if (wanted instanceof URL) return wanted;
  if (wanted === false || (wanted === true && LOOPBACK.test(url.host))) return undefined;
  // Node gives its agents the environment if it is to be used, and only then.
  const ofNode = (http.globalAgent as { options?: { proxyEnv?: Environment } }).options?.proxyEnv;
  const environment = wanted === true ? process.env : ofNode;
  if (environment === undefined || isExcepted(url, variable(environment, "no_proxy"))) return undefined;
  const plain = variable(environment, "http_proxy");
  const proxy = url.secure ? variable(environment, "https_proxy") || plain : plain;
  return proxy ? new URL(proxy) : undefined;
}

function variable(environment: Environment, name: string): string | undefined {
  return environment[name] ?? environment[name.toUpperCase()];
}

/** Whether a list has a host: `example.com`, `.example.com` and `*.example.com` for all below it, with a port or without; or `*`. */
function isExcepted({ host, port }: WebSocketUrl, list = ""): boolean {
  return list
    .toLowerCase()
    .split(/[,\s]+/)
    .some((entry) => {
      const [, name, ofPort] = /^(.+?)(?::(\d+))?$/.exec(net.isIPv6(entry) ? `[${entry}]` : entry) ?? [];
      if (name === undefined || (ofPort !== undefined && Number(ofPort) !== port)) return false;
      if (name === "*") return true;
      return /^[.*]/.test(name)
        ? host.endsWith(name.replace(/^\*/, ""))
        : name.replace(/^\[|\]$/g, "") === host;
    });
}

/** A function that opens the socket of a request through a proxy. */
export function openByProxy(
  proxy: URL,
  url: WebSocketUrl,
  options: tls.ConnectionOptions,
  signal: AbortSignal,
): CreateStream {
  return (_settings, callback) => {
    const host = net.isIPv6(url.host) ? `[${url.host}]` : url.host;
    const target = `${host}:${url.port}`;
    const headers: Record<string, string> = { host: target };
    if (proxy.username !== "" || proxy.password !== "") {
      const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
      headers["proxy-authorization"] = `Basic ${Buffer.from(credentials).toString("base64")}`;
    }
    const client = proxy.protocol === "https:" ? https : http;
    // The credentials are the proxy's, and not for Authorization, where Node puts those of a URL.
    const asking = client.request(proxy, {
      method: "CONNECT",
      path: target,
      headers,
      agent: false,
      auth: undefined,
    });
    const fail = (error: Error) => callback(error, undefined as unknown as Duplex);
    const refuse = (status: number | undefined) => {
      asking.destroy();
      fail(new Error(`the proxy ${proxy.host} opens no tunnel to ${target}: it answered ${status}`));
    };
    const abort = () => asking.destroy();
    signal.addEventListener("abort", abort, { once: true });
    asking.on("close", () => signal.removeEventListener("abort", abort));
    asking.on("error", fail);
    asking.on("response", (response) => refuse(response.statusCode));
    asking.on("connect", (response, socket) => {
      if (response.statusCode !== 200) return refuse(response.statusCode);
      if (!url.secure) return callback(null, socket);
      const servername = net.isIP(url.host) === 0 ? { servername: url.host } : {};
      callback(null, tls.connect({ ...servername, ...options, socket, host: url.host }));
    });
    asking.end();
  };
}
