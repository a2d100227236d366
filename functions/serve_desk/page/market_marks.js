/** Own orders on the chart: what rests as lines at its price, what was filled as arrows at the price that was paid. */

import { SERIES } from "./market_chart_style.js";

/** Marks that are further from the price than this do not stretch the chart. */
const WITHIN = 0.02;
const DIGITS = 6;
/** Of more fills than that the words would lie upon each other: the arrows say which way, and the table the rest. */
const MOST_NAMED = 12;
const BOUGHT = { position: "belowBar", shape: "arrowUp" };
const SOLD = { position: "aboveBar", shape: "arrowDown" };

/**
 * Draws {lines, fills}: lines are [{price, exactly, text, isBuy}], where `exactly` is the price as it was written (null
 * where it had to be turned round), fills [{time, price, text, isBuy}]. Times are seconds, prices numbers: places.
 */
export class Marks {
    #main;
    #fillLines;
    #drawn = [];
    #marks = { lines: [], fills: [] };
    #exact = new Map();
    #near = [];
    #isInSight = true;
    #colours = {};
    #from = null;

    constructor(chart, main) {
        this.#main = main;
        main.applyOptions({ autoscaleInfoProvider: (original) => this.#stretched(original()) });
        const format = { type: "custom", minMove: 1e-12, formatter: (price) => this.textOf(price) };
        const options = { ...SERIES, lineVisible: false, pointMarkersVisible: false, priceFormat: format };
        this.#fillLines = [false, true].map(() => chart.addLineSeries(options));
    }

    /** Return how a price is written on the axis: an order's own exactly, else a place with six digits. */
    textOf(price) {
        return this.#exact.get(price) ?? plain(price);
    }

    show(marks) {
        this.#marks = marks;
        this.#draw();
    }

    keepInSight(whether) {
        this.#isInSight = whether;
    }

    recolour(colours) {
        this.#colours = colours;
        this.#draw();
    }

    /** The chart has these points: fills before the first of them have no place on it. */
    within(points) {
        const last = points.at(-1) && Number(points.at(-1).reference);
        const isNear = (price) => last && Math.abs(price / last - 1) <= WITHIN;
        const from = points[0]?.time ?? Infinity;
        if (from !== this.#from) {
            this.#from = from;
            this.#drawFills();
        }
        const fills = this.#marks.fills.filter(({ time }) => time >= from);
        this.#near = [...this.#marks.lines, ...fills].map(({ price }) => price).filter(isNear);
    }

    #draw() {
        for (const line of this.#drawn) this.#main.removePriceLine(line);
        const written = this.#marks.lines.filter(({ exactly }) => exactly);
        this.#exact = new Map(written.map(({ price, exactly }) => [price, exactly]));
        this.#drawn = this.#marks.lines.map(({ price, text, isBuy }) =>
            this.#main.createPriceLine({ price, title: text, color: this.#colour(isBuy), lineWidth: 1, lineStyle: 3 }),
        );
        this.#drawFills();
    }

    #drawFills() {
        [false, true].forEach((isBuy, at) => {
            const own = this.#marks.fills.filter((fill) => fill.isBuy === isBuy && fill.time >= this.#from);
            const fills = oneAtATime(own);
            const look = isBuy ? BOUGHT : SOLD;
            const color = this.#colour(isBuy);
            this.#fillLines[at].setData(fills.map(({ time, price }) => ({ time, value: price })));
            const named = (text) => (fills.length > MOST_NAMED ? "" : text);
            const markers = fills.map(({ time, text }) => ({ time, text: named(text), color, ...look }));
            this.#fillLines[at].setMarkers(markers);
        });
    }

    #colour(isBuy) {
        return isBuy ? this.#colours.good : this.#colours.bad;
    }

    #stretched(found) {
        if (!found || !this.#isInSight || !this.#near.length) return found;
        const { minValue, maxValue } = found.priceRange;
        const priceRange = { minValue: Math.min(minValue, ...this.#near), maxValue: Math.max(maxValue, ...this.#near) };
        return { ...found, priceRange };
    }
}

/** Return fills by their times, with those of one moment as one: the library has one place for each time. */
function oneAtATime(fills) {
    const byTime = new Map();
    for (const fill of fills) {
        const others = byTime.get(fill.time);
        byTime.set(fill.time, others ? { ...others, count: others.count + 1 } : { ...fill, count: 1 });
    }
    const sorted = [...byTime.values()].sort((one, other) => one.time - other.time);
    return sorted.map((fill) => (fill.count > 1 ? { ...fill, text: `${fill.count} fills` } : fill));
}

function plain(price) {
    if (!price) return "0";
    const decimals = DIGITS - 1 - Math.floor(Math.log10(Math.abs(price)));
    return price.toFixed(Math.min(12, Math.max(0, decimals)));
}
