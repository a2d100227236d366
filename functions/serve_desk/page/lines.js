/** Small line drawings in SVG, as wide as their place: points in, paths out. What they show is said in words beside. */

import { el } from "./dom.js";

const WIDTH = 100;
const HEIGHT = 100;

/**
 * Return a drawing with a line of each of `kinds` (the names of their classes): {element, show(series, box)}.
 *
 * A kind with the word "dots" is drawn as a dot at each point. `series` has for each kind its points [{x, y}], and
 * `box` says what the edges are: {left, right, bottom, top}. Where two points are further apart than `box.gap`,
 * the line is broken: nothing is known of what is between them.
 */
export function lineDrawing(kinds, { className = "" } = {}) {
    const stroke = { fill: "none", "vector-effect": "non-scaling-stroke" };
    const lines = kinds.map((kind) => el("path", { class: `line ${kind}`, ...stroke }));
    const element = el(
        "svg",
        {
            class: `lines ${className}`,
            viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
            preserveAspectRatio: "none",
            "aria-hidden": "true",
        },
        lines,
    );
    const show = (series, box) =>
        lines.forEach((line, at) => line.setAttribute("d", pathOf(series[at], box, kinds[at].includes("dots"))));
    return { element, show };
}

function pathOf(points, { left, right, bottom, top, gap = Infinity }, isDots) {
    const wide = right - left || 1;
    const high = top - bottom || 1;
    let before = null;
    return points
        .map(({ x, y }) => {
            const command = before === null || x - before > gap ? "M" : "L";
            before = x;
            const across = ((x - left) / wide) * WIDTH;
            const place = `${across.toFixed(2)} ${(HEIGHT - ((y - bottom) / high) * HEIGHT).toFixed(2)}`;
            return isDots ? `M${place}h0` : `${command}${place}`;
        })
        .join("");
}
