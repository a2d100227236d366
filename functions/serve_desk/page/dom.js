/** Builds elements without markup in strings, which the page's policy (trusted types) does not let through. */

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "path", "line", "rect", "circle", "g", "polyline", "text", "title"]);

/**
 * Return a new element.
 *
 * Of the attributes those that begin with `on` are listeners; `class`, `hidden`, `data-…`, `aria-…` and all others are
 * set as they are, true as an empty one, and false, null and undefined not at all. `value`, `checked` and `disabled` are
 * properties. Children are nodes, texts, numbers, or arrays of these; null, undefined and false are left out.
 */
export function el(tag, attributes = {}, ...children) {
    const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else if (["value", "checked", "disabled", "selected"].includes(name)) element[name] = value;
        else if (value !== false && value !== null && value !== undefined) {
            element.setAttribute(name, value === true ? "" : String(value));
        }
    }
    element.append(...shown(children));
    return element;
}

/** Replace what an element holds. */
export function replace(element, ...children) {
    element.replaceChildren(...shown(children));
}

/** Set an element's text if it is another one, so that nothing is laid out again for nothing. */
export function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

function shown(children) {
    return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Have screen readers say something, once. */
export function announce(text) {
    const announcer = document.getElementById("announcer");
    announcer.textContent = "";
    requestAnimationFrame(() => (announcer.textContent = text));
}

/** Show a line under the bar until something else is shown or `text` is empty; `kind` is "info" or "error". */
export function notice(text, kind = "info") {
    const line = document.getElementById("notice");
    line.hidden = !text;
    line.dataset.kind = kind;
    line.textContent = text;
}

// Made once: to make one takes longer than all else that a row of a table needs.
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const DAY_AND_CLOCK = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });

/** Return the time of day of a Date. */
export function clockOf(at) {
    return CLOCK.format(at);
}

/** Return a time of day, with milliseconds where asked for, of an ISO timestamp; its title says all of it. */
export function timeOf(iso, { milliseconds = false } = {}) {
    const at = new Date(iso);
    const clock = clockOf(at);
    const text = milliseconds ? `${clock}.${String(at.getMilliseconds()).padStart(3, "0")}` : clock;
    return el("time", { datetime: iso, title: DAY_AND_CLOCK.format(at) }, text);
}

/** Return a duration in words: 87 ms, 2.3 s, 4 min 12 s, 3 h 5 min. */
export function duration(milliseconds) {
    if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
    if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
    const minutes = Math.floor(milliseconds / 60_000);
    if (minutes < 60) return `${minutes} min ${Math.floor((milliseconds % 60_000) / 1000)} s`;
    return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
