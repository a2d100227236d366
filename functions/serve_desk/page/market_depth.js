/** The drawing of a pair's depth: how the price that is paid moves as amounts grow, for who sells and who buys. */

import { el, replace } from "./dom.js";
import { grouped } from "./exact.js";
import { lineDrawing } from "./lines.js";

const SIDES = [
    { name: "buy", sign: "▲", className: "good" },
    { name: "sell", sign: "▼", className: "bad" },
];

/** Return a drawing: {element, show({sell, buy})}, each side [{amount, price}] from the smallest amount on. */
export function depthDrawing({ token_out: quote, token_in: base }) {
    const drawing = lineDrawing(["buy", "buy dots", "sell", "sell dots"], { className: "depth-lines" });
    const said = el("ul", { class: "depth-said small" });
    const edges = [el("span", {}, "small amounts"), el("span", {}, "large amounts")];
    const below = el("div", { class: "edges muted small" }, edges);
    const element = el("div", { class: "depth" }, drawing.element, below, said);
    const show = (depth) => {
        const sides = SIDES.map(({ name }) => placesOf(depth[name]));
        const heights = sides.flat().map(({ y }) => y);
        element.hidden = heights.length === 0;
        if (element.hidden) return;
        const [bottom, top] = [Math.min(...heights), Math.max(...heights)];
        const margin = (top - bottom) * 0.08 || top * 0.01;
        const amounts = sides.flat().map(({ x }) => x);
        const [left, right] = [Math.min(...amounts), Math.max(...amounts)];
        const side = (right - left) * 0.02 || 1;
        const box = { left: left - side, right: right + side, bottom: bottom - margin, top: top + margin };
        drawing.show([sides[0], sides[0], sides[1], sides[1]], box);
        replace(said, SIDES.map((side) => sideInWords(side, depth[side.name], base, quote)));
    };
    return { element, show };
}

/** Amounts grow by a factor from one to the next: each has its place by its logarithm. */
function placesOf(points) {
    return points.map(({ amount, price }) => ({ x: Math.log(Number(amount)), y: Number(price) }));
}

function sideInWords({ name, sign, className }, points, base, quote) {
    const side = el("b", { class: className }, `${sign} ${name} `);
    if (!points.length) return el("li", {}, side, "no amount has a route");
    const one = ({ amount, price }) => [
        el("span", { class: "number" }, `${grouped(amount)} ${base}`),
        " at ",
        el("span", { class: "number" }, `${grouped(price)} ${quote}`),
    ];
    return el("li", {}, side, one(points[0]), " … ", one(points.at(-1)));
}
