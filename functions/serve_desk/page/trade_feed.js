/** Asks for something while somebody looks: as soon as the question has changed, and then every two seconds. */

import { ApiError } from "./api.js";

const TYPING_MS = 250;
const EVERY_MS = 2_000;
const LONGEST_MS = 15_000;

export class Feed {
    #ask;
    #show;
    #timer = null;
    #asking = null;
    #waitMs = EVERY_MS;
    #isOn = true;

    /**
     * `ask(signal)` returns a promise, or null where there is nothing to ask. `show({phase, answer, error, retryMs})`
     * is called with each phase: "none" (nothing to ask), "asking" (the question has changed), "fresh" with the answer,
     * "failed" with the error, after which it is asked again in `retryMs`; null: not before the question changes.
     */
    constructor(ask, show) {
        this.#ask = ask;
        this.#show = show;
        document.addEventListener("visibilitychange", this.#look);
        this.changed(0);
    }

    /** Ask soon, since the question has changed; what is under way is for nothing now. */
    changed(afterMs = TYPING_MS) {
        this.#asking?.abort();
        this.#waitMs = EVERY_MS;
        this.#show({ phase: "asking" });
        this.#in(afterMs);
    }

    stop() {
        this.#isOn = false;
        clearTimeout(this.#timer);
        this.#asking?.abort();
        document.removeEventListener("visibilitychange", this.#look);
    }

    #look = () => {
        if (!document.hidden) this.#in(0);
    };

    #in(milliseconds) {
        clearTimeout(this.#timer);
        if (this.#isOn && !document.hidden) this.#timer = setTimeout(() => this.#now(), milliseconds);
    }

    async #now() {
        this.#asking?.abort();
        const asking = new AbortController();
        this.#asking = asking;
        let answer;
        try {
            const asked = this.#ask(asking.signal);
            if (!asked) return this.#show({ phase: "none" });
            answer = await asked;
        } catch (error) {
            if (asking.signal.aborted) return;
            // Anything else is a fault of the page, which is not to pass for an answer.
            if (!(error instanceof ApiError)) throw error;
            return this.#failed(error);
        }
        if (asking.signal.aborted) return;
        this.#waitMs = EVERY_MS;
        this.#in(EVERY_MS);
        this.#show({ phase: "fresh", answer });
    }

    #failed(error) {
        const isPassing = [0, 429].includes(error.status) || error.status >= 500;
        const retryMs = isPassing ? Math.max(error.retryAfterMs ?? 0, this.#waitMs) : null;
        this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_MS);
        this.#show({ phase: "failed", error, retryMs });
        // What is refused now for its price or its pool may be accepted in the next slot; that is looked at rarely.
        this.#in(retryMs ?? LONGEST_MS);
    }
}
