/** The chart of a pair: points and marks in, a drawing out. Only places on the screen are JavaScript's numbers here. */

import { coloursOf, layoutIn, OPTIONS, SERIES, STYLES } from "./market_chart_style.js";
import { Marks } from "./market_marks.js";

/** Load the library, which is a script of its own: no other view needs it. */
async function library() {
    if (!window.LightweightCharts) await import("./lightweight-charts.js");
    return window.LightweightCharts;
}

/** Return a chart in the element `place`, of the reference price and of `venues` (the names of two at most). */
export async function priceChart(place, venues) {
    return new PriceChart(place, venues.slice(0, STYLES.length - 1), await library());
}

class PriceChart {
    #chart;
    #place;
    #venues;
    #series;
    #marks;
    #points = [];
    /** The latest so many seconds are shown, null: all that are known, undefined: what was chosen by hand. */
    #seconds = null;
    #onMoved = () => {};

    constructor(place, venues, { createChart }) {
        this.#place = place;
        this.#venues = venues;
        this.#chart = createChart(place, { autoSize: true, ...OPTIONS });
        this.#series = [null, ...venues].map((_, at) =>
            this.#chart.addLineSeries({
                ...SERIES,
                lineWidth: STYLES[at].lineWidth,
                lineStyle: STYLES[at].lineStyle,
                crosshairMarkerVisible: true,
                priceFormat: { type: "custom", minMove: 1e-12, formatter: (price) => this.#marks.textOf(price) },
            }),
        );
        this.#marks = new Marks(this.#chart, this.#series[0]);
        place.addEventListener("wheel", this.#byHand, { passive: true });
        place.addEventListener("pointerdown", this.#byHand);
        this.recolour();
    }

    /** Show these points (market_prices.js) and no others. */
    show(points) {
        this.#points = [...points];
        this.#series.forEach((line, at) => line.setData(points.map((point) => this.#valueOf(point, at))));
        this.#marks.within(this.#points);
        this.#fit();
    }

    /** Show one more point, the newest. */
    add(point) {
        this.#points.push(point);
        this.#series.forEach((line, at) => line.update(this.#valueOf(point, at)));
        this.#marks.within(this.#points);
        this.#fit();
    }

    /** Mark own orders (market_marks.js) in place of those that are marked. */
    mark(marks) {
        this.#marks.show(marks);
        this.#marks.within(this.#points);
    }

    /** Stretch the chart to own orders near the price, or do not. */
    keepMarks(whether) {
        this.#marks.keepInSight(whether);
        this.#series[0].applyOptions({});
        this.#chart.priceScale("right").applyOptions({ autoScale: true });
    }

    /** Show the latest so many seconds, or all that is known for null, and go on doing so. */
    range(seconds) {
        this.#seconds = seconds;
        this.#fit();
    }

    /** Call `listener` with the time in seconds under the pointer, null where there is none. */
    onPoint(listener) {
        this.#chart.subscribeCrosshairMove(({ time }) => listener(time ?? null));
    }

    /** Call `listener` when somebody moves the chart by hand, so that it keeps to no range any more. */
    onMoved(listener) {
        this.#onMoved = listener;
    }

    /** Take the colours of the page's theme, as it is now. */
    recolour() {
        const colours = coloursOf(this.#place);
        this.#chart.applyOptions(layoutIn(colours));
        this.#series.forEach((line, at) => line.applyOptions({ color: colours[STYLES[at].colour] }));
        this.#marks.recolour(colours);
    }

    remove() {
        this.#place.removeEventListener("wheel", this.#byHand);
        this.#place.removeEventListener("pointerdown", this.#byHand);
        this.#chart.remove();
    }

    #byHand = () => {
        this.#seconds = undefined;
        this.#onMoved();
    };

    #valueOf(point, at) {
        const price = at === 0 ? point.reference : point.venues[this.#venues[at - 1]];
        return price === undefined ? { time: point.time } : { time: point.time, value: Number(price) };
    }

    #fit() {
        const last = this.#points.at(-1);
        if (this.#seconds === undefined || !last) return;
        const from = this.#points[0].time;
        if (this.#seconds === null || last.time - from <= this.#seconds) this.#chart.timeScale().fitContent();
        else this.#chart.timeScale().setVisibleRange({ from: last.time - this.#seconds, to: last.time });
    }
}
