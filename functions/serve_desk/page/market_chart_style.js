/** How the chart looks: the page's colours in, options of the library out. */

/** The lines in their order: the reference price and two venues. Dashes say what colours do. */
export const STYLES = [
    { colour: "accent", lineWidth: 2, lineStyle: 0 },
    { colour: "warn", lineWidth: 1, lineStyle: 2 },
    { colour: "wait", lineWidth: 1, lineStyle: 1 },
];
/** The same dashes for a legend's sample, as SVG writes them. */
export const DASHES = ["", "6 4", "1.5 2.5"];
/** What all lines have in common. A line's newest price is in the legend, exactly. */
export const SERIES = {
    lastValueVisible: false,
    priceLineVisible: false,
    crosshairMarkerVisible: false,
    crosshairMarkerRadius: 3,
};
const COLOURS = ["accent", "warn", "wait", "good", "bad", "text", "muted", "edge", "surface"];

const hours = { hour: "2-digit", minute: "2-digit", hour12: false };
const clock = new Intl.DateTimeFormat(undefined, { ...hours, second: "2-digit" });
const minutes = new Intl.DateTimeFormat(undefined, hours);
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const date = (time) => new Date(time * 1000);
/** The library's kinds of marks on the axis: 0 to 2 are dates, 3 is a time, 4 one with seconds. */
const SECONDS = 4;
const TIME = 3;

export const OPTIONS = {
    localization: { timeFormatter: (time) => clock.format(date(time)) },
    timeScale: {
        timeVisible: true,
        secondsVisible: true,
        minBarSpacing: 0.02,
        rightOffset: 1,
        lockVisibleTimeRangeOnResize: true,
        tickMarkFormatter: (time, kind) => {
            if (kind >= SECONDS) return clock.format(date(time));
            return kind === TIME ? minutes.format(date(time)) : day.format(date(time));
        },
    },
    rightPriceScale: { scaleMargins: { top: 0.1, bottom: 0.1 } },
    // A finger that moves up or down moves the page.
    handleScroll: { vertTouchDrag: false },
    crosshair: { mode: 0 },
};

/** Return the page's colours as they are now at an element, by their names: what the library can read. */
export function coloursOf(place) {
    const probe = document.createElement("span");
    place.append(probe);
    const read = (name) => {
        probe.style.color = `var(--${name})`;
        return getComputedStyle(probe).color;
    };
    const colours = Object.fromEntries(COLOURS.map((name) => [name, read(name)]));
    probe.remove();
    return colours;
}

/** Return the options that depend on the page's colours. */
export function layoutIn({ surface, muted, edge, text }) {
    const line = { color: edge };
    const cross = { color: muted, labelBackgroundColor: text };
    return {
        layout: {
            background: { type: "solid", color: surface },
            textColor: muted,
            fontFamily: getComputedStyle(document.body).fontFamily,
            fontSize: 11,
        },
        grid: { vertLines: line, horzLines: line },
        rightPriceScale: { borderColor: edge },
        timeScale: { borderColor: edge },
        crosshair: { vertLine: cross, horzLine: cross },
    };
}
