/** The drawing of a pair's depth: how the price that is paid moves as amounts grow, for who sells and who buys. */

import { el, replace } from "./dom.js";
import { grouped } from "./exact.js";
import { lineDrawing } from "./lines.js";

const SIDES = [
    { name: "buy", sign: "▲", className: "good" },
    { name: "sell", sign: "▼", className: "bad" },
];

/** Return a drawing: {element, show({sell, buy})}, each side [{amount, token, price}] from the smallest amount on. */
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
        const box = { left: -0.03, right: 1.03, bottom: bottom - margin, top: top + margin };
        drawing.show([sides[0], sides[0], sides[1], sides[1]], box);
        replace(said, SIDES.map((side) => sideInWords(side, depth[side.name], base, quote)));
    };
    return { element, show };
}

/** The amounts grow by a factor from one to the next, so that places at equal distances are those of a logarithm. */
function placesOf(points) {
    return points.map(({ price }, at) => ({ x: points.length > 1 ? at / (points.length - 1) : 0.5, y: Number(price) }));
}

function sideInWords({ name, sign, className }, points, base, quote) {
    const side = el("b", { class: className }, `${sign} ${name} `);
    if (!points.length) return el("li", {}, side, "no amount has a route");
    const one = ({ amount, token, price }) => [
        el("span", { class: "number" }, `${grouped(amount)} ${token ?? base}`),
        " at ",
        el("span", { class: "number" }, `${grouped(price)} ${quote}`),
    ];
    return el("li", {}, side, one(points[0]), " … ", one(points.at(-1)));
}
