/** The prices of one pair as they came, oldest first: what reports have kept, and what comes now. */

/** As many points as ten minutes have. */
const MOST_KEPT = 1_500;

/**
 * Prices of a pair: {slot, at, time, reference, venues} each, where `time` is `at` in seconds since 1970 (for places on
 * the chart) and all prices are strings.
 */
export class Prices {
    points = [];

    /** Take points of the past, in any order. */
    take(past) {
        const known = new Map([...past.map(pointOf), ...this.points].map((point) => [point.time, point]));
        this.points = [...known.values()].sort((one, other) => one.time - other.time).slice(-MOST_KEPT);
    }

    /** Take what a report says; returns the new point, or null where it says nothing newer. */
    add(pair, { slot, at }) {
        const point = pointOf({ slot, at, reference: pair.reference, venues: pair.venues });
        const last = this.points.at(-1);
        if (last && point.time <= last.time) return null;
        this.points.push(point);
        if (this.points.length > MOST_KEPT) this.points.shift();
        return point;
    }

    /** Return the point that is nearest to a time in seconds, or undefined where there is none. */
    nearest(time) {
        let [low, high] = [0, this.points.length - 1];
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.points[middle].time < time) low = middle + 1;
            else high = middle;
        }
        const [before, after] = [this.points[low - 1], this.points[low]];
        return before && after && time - before.time < after.time - time ? before : after;
    }
}

function pointOf({ slot, at, reference, venues }) {
    return { slot, at, time: Date.parse(at) / 1000, reference, venues };
}
