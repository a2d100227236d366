/** The HTTP API: requests out, documents with exact numbers in; a refusal is an ApiError. */

import { parseExact } from "./exact.js";
import { session } from "./session.js";

const TIMEOUT_MS = 15_000;

/** A refusal, as the problem document says it. `status` is 0 where nothing answered. */
export class ApiError extends Error {
    constructor(status, document) {
        super(document.detail || document.title || `the answer was ${status}`);
        this.status = status;
        /** The fields at fault: [{field, rule}]. */
        this.errors = document.errors ?? [];
        this.limit = document.limit ?? null;
        this.orderStatus = document.order_status ?? null;
        this.sequence = document.sequence ?? null;
        this.retryAfterMs = document.retry_after_ms ? Number(document.retry_after_ms) : null;
    }

    /** Return the rule that a field breaks, or "". */
    ruleOf(field) {
        return this.errors.find((error) => error.field === field)?.rule ?? "";
    }
}

async function request(method, path, { query = {}, body, headers = {}, signal } = {}) {
    // The answer is known, and without a key nothing but the page itself is asked for.
    if (!session.isOpen) throw new ApiError(401, { detail: "this needs an API key" });
    const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value !== null));
    const address = asked.size ? `${path}?${asked}` : path;
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    let response;
    let text;
    try {
        response = await fetch(address, {
            method,
            headers: {
                ...session.headers(),
                ...(body === undefined ? {} : { "Content-Type": "application/json" }),
                ...headers,
            },
            body: body === undefined ? undefined : JSON.stringify(body),
            signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
            credentials: "omit",
            cache: "no-store",
        });
        text = await response.text();
    } catch (error) {
        if (signal?.aborted) throw error;
        throw new ApiError(0, { detail: "the engine does not answer" });
    }
    const document = readDocument(text);
    if (!response.ok) throw new ApiError(response.status, document);
    return document;
}

function readDocument(text) {
    try {
        return text ? parseExact(text) : {};
    } catch {
        return { detail: "the answer can't be read" };
    }
}

/**
 * Each returns the document of the answer. Options: `query` (empty and null members are left out), `body` (an object),
 * `headers`, and the `signal` of an AbortController. Throws ApiError, or AbortError where the signal says so.
 */
export const api = {
    get: (path, options) => request("GET", path, options),
    post: (path, options) => request("POST", path, options),
    patch: (path, options) => request("PATCH", path, options),
    delete: (path, options) => request("DELETE", path, options),
};
