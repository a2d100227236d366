/** The view market. */

import { el, replace } from "./dom.js";

/** Show the view in `root`; returns what ends it. */
export function mount(root) {
    replace(root, el("h2", {}, "market"));
    return () => {};
}
