/** The API key that this tab uses: kept in the tab's session storage alone, so that it ends with the tab. */

const NAME = "orderflow-key";
/** What can be sent in a header, as every key can: with anything else the browser sends nothing at all. */
const SENDABLE = /^[\x21-\x7e]+$/;
const listeners = new Set();

/** Return a store of the browser's, "sessionStorage" or "localStorage"; one of this page where it may keep nothing. */
export function storage(name) {
    try {
        return window[name];
    } catch {
        const kept = new Map();
        return {
            getItem: (key) => kept.get(key) ?? null,
            setItem: (key, value) => kept.set(key, value),
            removeItem: (key) => kept.delete(key),
        };
    }
}

const tab = storage("sessionStorage");

export const session = {
    /** Whether this system asks for keys at all. */
    needsKey: document.querySelector('meta[name="orderflow-auth"]')?.content === "keys",

    /** The key, or "" where there is none. */
    get key() {
        return tab.getItem(NAME) ?? "";
    },

    /** Whether requests can be sent: no key is needed, or there is one. */
    get isOpen() {
        return !this.needsKey || this.key !== "";
    },

    /** What may be shown of the key: all before its secret, "" where it is not written as keys are. */
    get publicPart() {
        const parts = this.key.split("_");
        return parts.length === 5 ? parts.slice(0, 3).join("_") : "";
    },

    /** Return whether a text may be a key at all. */
    mayBe(text) {
        return SENDABLE.test(text);
    },

    /** Use a key from now on, or none with "". */
    use(key) {
        if (key) tab.setItem(NAME, key);
        else tab.removeItem(NAME);
        listeners.forEach((listener) => listener());
    },

    /** Call `listener` whenever the key changes; returns what ends that. */
    onChange(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
    },

    /** The headers that a request needs. */
    headers() {
        return this.key ? { Authorization: `Bearer ${this.key}` } : {};
    },
};
