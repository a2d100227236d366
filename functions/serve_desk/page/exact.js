/**
 * Numbers as the server wrote them: JSON without rounding, and arithmetic on decimal strings.
 *
 * A JavaScript number holds 15 to 17 digits; an amount in atoms may have more. So every number of every answer stays
 * the text that it came as. `Number(text)` is for places on the screen (a chart's line, a bar's width), never for a
 * number that somebody reads or that is sent.
 */

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Of an exponent three digits, as of any number here: with more, which somebody may type, all its zeros would be made. */
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

/** Return the value of a JSON text, with each number as the string that it was written as. Throws SyntaxError. */
export function parseExact(text) {
    return JSON.parse(text.replace(STRING_OR_NUMBER, (found) => (found[0] === '"' ? found : `"${found}"`)));
}

/** Return whether a text is a decimal number, such as "12.50", "-3" or "1E-7". */
export function isDecimal(text) {
    const parts = DECIMAL.exec(text);
    return parts !== null && Boolean(parts[2] || parts[3]);
}

/** Return [atoms, decimals] of a decimal string: the number is atoms / 10^decimals. Throws RangeError if it is none. */
function split(text) {
    if (!isDecimal(text)) throw new RangeError(`${text} is no decimal number`);
    const [, sign, whole, part = "", exponent] = DECIMAL.exec(text);
    let digits = whole + part;
    let decimals = part.length - Number(exponent ?? 0);
    if (decimals < 0) {
        digits += "0".repeat(-decimals);
        decimals = 0;
    }
    return [BigInt(`${sign === "-" ? "-" : ""}${digits || "0"}`), decimals];
}

function join(atoms, decimals) {
    const sign = atoms < 0n ? "-" : "";
    const digits = String(atoms < 0n ? -atoms : atoms).padStart(decimals + 1, "0");
    const part = decimals ? digits.slice(-decimals).replace(/0+$/, "") : "";
    const whole = decimals ? digits.slice(0, -decimals) : digits;
    return part ? `${sign}${whole}.${part}` : `${sign}${whole}`;
}

function aligned(one, other) {
    const [a, decimalsOfA] = split(one);
    const [b, decimalsOfB] = split(other);
    const decimals = Math.max(decimalsOfA, decimalsOfB);
    return [a * 10n ** BigInt(decimals - decimalsOfA), b * 10n ** BigInt(decimals - decimalsOfB), decimals];
}

/** Return -1, 0 or 1: how one decimal string compares with another. */
export function compare(one, other) {
    const [a, b] = aligned(one, other);
    return a < b ? -1 : a > b ? 1 : 0;
}

/** Return the exact sum of two decimal strings. */
export function add(one, other) {
    const [a, b, decimals] = aligned(one, other);
    return join(a + b, decimals);
}

/** Return the exact difference of two decimal strings. */
export function subtract(one, other) {
    const [a, b, decimals] = aligned(one, other);
    return join(a - b, decimals);
}

/** Return the exact product of two decimal strings. */
export function multiply(one, other) {
    const [a, decimalsOfA] = split(one);
    const [b, decimalsOfB] = split(other);
    return join(a * b, decimalsOfA + decimalsOfB);
}

/**
 * Return one decimal string divided by another, cut off after so many decimals (towards zero): for what has no last
 * digit. Throws RangeError where it is divided by zero.
 */
export function quotient(one, other, decimals) {
    const [a, b] = aligned(one, other);
    return join((a * 10n ** BigInt(decimals)) / b, decimals);
}

/** Return an amount in atoms as a decimal string in units of a token that has so many decimals. */
export function fromAtoms(atoms, decimals) {
    return join(BigInt(atoms), Number(decimals));
}

/** Return a decimal string in units of a token that has so many decimals in atoms, a BigInt, rounded towards zero. */
export function toAtoms(text, decimals) {
    const [atoms, places] = split(text);
    const more = Number(decimals) - places;
    return more >= 0 ? atoms * 10n ** BigInt(more) : atoms / 10n ** BigInt(-more);
}

/** Return 1 / a decimal string, rounded towards zero to at least so many digits: to be shown as about that. */
export function inverse(text, digits = 9) {
    const [atoms, decimals] = split(text);
    if (atoms === 0n) throw new RangeError("zero has no inverse");
    const places = Math.max(0, digits + String(atoms).length - 1 - decimals);
    return join(10n ** BigInt(decimals + places) / atoms, places);
}

/** Return a decimal string with its whole digits in groups of three, such as 1,234,567.25: every digit is kept. */
export function grouped(text) {
    if (text === null || text === undefined || text === "") return "–";
    const parts = DECIMAL.exec(String(text));
    if (!parts) return String(text);
    const plain = parts[4] === undefined ? String(text) : join(...split(String(text)));
    const [whole, part] = plain.split(".");
    const digits = whole.replace(/^[+-]/, "");
    const first = digits.length % 3;
    // By hand: an expression that looks for the end from each digit takes seconds for the longest that can be typed.
    const groups = [digits.slice(0, first), ...(digits.slice(first).match(/.{3}/g) ?? [])].filter(Boolean);
    const shown = whole.slice(0, whole.length - digits.length) + groups.join(",");
    return part === undefined ? shown : `${shown}.${part}`;
}

/** Return a fraction as per cent, exactly: "0.0125" is "1.25". */
export function percent(fraction) {
    return multiply(fraction, "100");
}
