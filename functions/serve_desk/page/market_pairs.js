/** What is said of a pair and its venues: reports in, words out. Prices stay the strings that came. */

import { compare, multiply, quotient, subtract } from "./exact.js";

const DIGITS_OF_PERCENT = 3;

/** Return how a pair is written in the page's address: SOL/USDC is SOL-USDC. */
export function addressOf(pair) {
    return `#market/${pair.pair.replace("/", "-")}`;
}

/** Return the pair of a report that an address names, either way round, or undefined. */
export function pairAt(detail, pairs) {
    const [one, other] = detail.toUpperCase().split("-");
    const named = (wanted) => pairs.find(({ pair }) => pair.toUpperCase() === wanted);
    return named(`${one}/${other}`) ?? named(`${other}/${one}`);
}

/** Return a venue's name as it is written to be read. */
export function venueName(venue) {
    return venue.charAt(0).toUpperCase() + venue.slice(1);
}

/** Return the name of a pool's program: raydium_amm_v4 is Raydium AMM v4. */
export function programName(kind) {
    const [venue, ...words] = kind.split("_");
    return [venueName(venue), ...words.map((word) => (/^v\d/.test(word) ? word : word.toUpperCase()))].join(" ");
}

/** Return a decimal string with its sign before it, also where it is positive. */
export function signed(text) {
    const sign = compare(text, "0");
    return sign > 0 ? `+${text}` : sign < 0 ? `−${text.replace("-", "")}` : text;
}

/**
 * Return how the venues' prices of a pair differ: {sign: -1, 0 or 1, short, words}. Per cent are cut off after three
 * decimals; the prices beside them are exact.
 */
export function differenceOf(pair) {
    const venues = Object.keys(pair.venues);
    if (venues.length < 2) {
        const words = venues.length ? `only at ${venueName(venues[0])}` : "at no venue";
        return { sign: 0, short: words, words };
    }
    const [first, second] = venues;
    const [one, other] = [pair.venues[first], pair.venues[second]];
    const sign = compare(other, one);
    if (sign === 0) return { sign, short: "no difference", words: "both venues have the same price" };
    const percent = quotient(multiply(subtract(other, one), "100"), one, DIGITS_OF_PERCENT);
    const size = percent.replace("-", "");
    const said = size === "0" ? "less than 0.001 %" : `${size} %`;
    const name = venueName(second);
    return {
        sign,
        short: `${name} ${size === "0" ? (sign > 0 ? "+" : "−") + "0.000" : signed(percent)} %`,
        words: `${name} is ${said} ${sign > 0 ? "above" : "below"} ${venueName(first)}`,
    };
}
