/** The playground: starts its sections. */

import { kernelBackend } from "hawser/codec";
import { startBenchmarkView } from "./benchmark/benchmark-view.js";
import { DecodeView } from "./decode/decode-view.js";
import { byId } from "./dom.js";
import { startEchoView } from "./echo/echo-view.js";
import { SendView } from "./send/send-view.js";
import { WireView } from "./wire/wire-view.js";

byId("backend", HTMLElement).textContent =
  kernelBackend() === "wasm" ? "decoded here, by WebAssembly" : "decoded here, without WebAssembly";

new DecodeView();
startBenchmarkView();
startEchoView();
// The first message shows frames without a click; tests open /?quiet and begin with an empty list.
void new SendView(new WireView()).connect(!new URLSearchParams(location.search).has("quiet"));
