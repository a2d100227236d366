/** The API key that this tab uses: kept in the tab's session storage alone, so that it ends with the tab. */

const NAME = "orderflow-key";
const listeners = new Set();

export const session = {
    /** Whether this system asks for keys at all. */
    needsKey: document.querySelector('meta[name="orderflow-auth"]')?.content === "keys",

    /** The key, or "" where there is none. */
    get key() {
        return sessionStorage.getItem(NAME) ?? "";
    },

    /** Whether requests can be sent: no key is needed, or there is one. */
    get isOpen() {
        return !this.needsKey || this.key !== "";
    },

    /** Use a key from now on, or none with "". */
    use(key) {
        if (key) sessionStorage.setItem(NAME, key);
        else sessionStorage.removeItem(NAME);
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
