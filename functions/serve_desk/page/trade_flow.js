/** Draws a route: tokens in columns, and between them bands as wide as their share of the order. */

import { el } from "./dom.js";
import { multiply } from "./exact.js";

const NODE = 8;
const GAP = 10;
const LABEL = 14;

/** Return a share in basis points as per cent. */
export function shareOf(bps) {
    return `${multiply(String(bps), "0.01")} %`;
}

/** Draw the edges as bands, as wide as their share, between the tokens in columns; the list below says it in words. */
export function flowOf(edges, { legs }, width) {
    const [first, last] = [legs[0].token_in, endOf(edges)];
    const depth = depthsOf(edges, first, last);
    const scale = Math.max(24, Math.min(64, 30 + 6 * edges.length));
    const columns = columnsOf(edges, depth, last);
    const tallest = Math.max(
        ...columns.map((nodes) => nodes.reduce((sum, { share }) => sum + share * scale + GAP + LABEL, 0)),
    );
    const place = placesOf(columns, depth.get(last), scale, tallest, width);
    const words = edges.map(({ from, to, shareBps }) => `${shareOf(shareBps)} ${from} to ${to}`).join(", ");
    const svg = el("svg", {
        viewBox: `0 0 ${width} ${Math.ceil(tallest)}`,
        width,
        height: Math.ceil(tallest),
        role: "img",
        "aria-label": `The order's way: ${words}`,
    });
    for (const edge of edges) svg.append(bandOf(edge, place, depth, scale));
    for (const node of place.values()) if (node.symbol) svg.append(...nodeOf(node, width));
    return svg;
}

function endOf(edges) {
    const sold = new Set(edges.map(({ from }) => from));
    return edges.find(({ to }) => !sold.has(to))?.to ?? edges.at(-1).to;
}

/** Return in which column each token stands: one behind the last that pays into it, and what is bought at the end. */
function depthsOf(edges, first, last) {
    const depth = new Map([[first, 0]]);
    for (let round = 0; round < edges.length; round += 1) {
        for (const { from, to } of edges) {
            if (depth.has(from) && to !== first)
                depth.set(to, Math.min(edges.length, Math.max(depth.get(to) ?? 0, depth.get(from) + 1)));
        }
    }
    depth.set(last, Math.max(...depth.values()));
    return depth;
}

/** Return the columns' nodes, the largest share first: an edge that passes a column by has one without a name there. */
function columnsOf(edges, depth, last) {
    const columns = Array.from({ length: depth.get(last) + 1 }, () => []);
    const shares = new Map();
    for (const { from, to, shareBps } of edges) {
        const share = Number(shareBps) / 10_000;
        if (depth.get(from) === 0) shares.set(from, (shares.get(from) ?? 0) + share);
        shares.set(to, (shares.get(to) ?? 0) + share);
        for (let column = depth.get(from) + 1; column < depth.get(to); column += 1) {
            columns[column].push({ key: `${from}>${to}@${column}`, symbol: "", share });
        }
    }
    for (const [symbol, column] of depth)
        columns[column].push({ key: symbol, symbol, share: shares.get(symbol) ?? 0 });
    for (const nodes of columns) nodes.sort((one, other) => other.share - one.share);
    return columns;
}

function placesOf(columns, lastColumn, scale, tallest, width) {
    const places = new Map();
    columns.forEach((nodes, column) => {
        const height = nodes.reduce((sum, { share }) => sum + share * scale + GAP + LABEL, 0);
        let y = (tallest - height) / 2;
        for (const node of nodes) {
            const x = lastColumn ? (column * (width - NODE)) / lastColumn : 0;
            places.set(node.key, {
                ...node,
                x,
                y: y + LABEL,
                height: Math.max(2, node.share * scale),
                out: 0,
                in: 0,
                column,
                lastColumn,
            });
            y += node.share * scale + GAP + LABEL;
        }
    });
    return places;
}

function bandOf({ from, to, shareBps }, place, depth, scale) {
    const thick = Math.max(1.5, (Number(shareBps) / 10_000) * scale);
    const way = [place.get(from)];
    for (let column = depth.get(from) + 1; column < depth.get(to); column += 1)
        way.push(place.get(`${from}>${to}@${column}`));
    way.push(place.get(to));
    const [start, end] = [way[0], way.at(-1)];
    const points = way.map((node) => {
        if (node === start) return [node.x + NODE, node.y + node.out + thick / 2];
        if (node === end) return [node.x, node.y + node.in + thick / 2];
        return [node.x + NODE / 2, node.y + thick / 2];
    });
    start.out += thick;
    end.in += thick;
    let d = `M${points[0].join(" ")}`;
    for (let at = 1; at < points.length; at += 1) {
        const [[x, y], [toX, toY]] = [points[at - 1], points[at]];
        const middle = (x + toX) / 2;
        d += `C${middle} ${y} ${middle} ${toY} ${toX} ${toY}`;
    }
    const title = el("title", {}, `${from} → ${to}: ${shareOf(shareBps)}`);
    return el("path", { class: "trade-band", d, "stroke-width": thick }, title);
}

function nodeOf({ symbol, x, y, height, column, lastColumn }) {
    const anchor = column === 0 ? "start" : column === lastColumn ? "end" : "middle";
    const at = { start: x, middle: x + NODE / 2, end: x + NODE }[anchor];
    return [
        el("rect", { class: "trade-node", x, y, width: NODE, height, rx: 2 }),
        el("text", { class: "trade-node-name", x: at, y: y - 4, "text-anchor": anchor }, symbol),
    ];
}
