/** The face, from its sources. */

import * as namespace from "../../../src/ws/index.js";
import { type Implementation, implementation } from "./implementation.js";

export const face: Implementation = implementation(namespace.default, namespace);
