/**
 * Where the reader of the table is: how far it is scrolled, and which rows are seen there.
 *
 * New orders come at the top. A reader who has scrolled, or who must not lose the rows that are seen, keeps them where
 * they are: what has come above is counted in `fresh`.
 */

/** Rows beyond each edge that are there before they are scrolled to. */
const BEYOND = 6;
const NARROW = matchMedia("(max-width: 47.99rem)");
const WIDE_ROW = 40;
const NARROW_ROW = 92;
/** What is to be seen below the table, and how high that is at least. */
const FOOT = 56;
const LEAST_HEIGHT = 280;

export class ReadersPlace {
    #grid;
    #head;
    #body;
    #list;
    #key = ""; // of the first row that is seen
    #at = 0; // its place
    #offset = 0; // how many pixels of it are scrolled out
    #top = 0; // how far the grid is scrolled, and how high it is: asked only when it has changed,
    #height = 0; // since the answer has all of the page laid out
    #headHeight = 0;
    #isFollowing = true;

    /** How many orders have come above the reader's place. */
    fresh = 0;

    constructor({ grid, head, body, list }) {
        this.#grid = grid;
        this.#head = head;
        this.#body = body;
        this.#list = list;
    }

    /** Fit the table into the window, and have `changed()` called when it or its rows get another height. */
    onResize(changed) {
        const fit = () => {
            this.#fit();
            this.#height = this.#grid.clientHeight;
            this.#headHeight = NARROW.matches ? 0 : this.#head.offsetHeight;
            changed();
        };
        NARROW.addEventListener("change", fit);
        const observer = new ResizeObserver(fit);
        observer.observe(document.documentElement);
        observer.observe(document.body);
        observer.observe(this.#grid);
        return () => {
            NARROW.removeEventListener("change", fit);
            observer.disconnect();
        };
    }

    get rowHeight() {
        return NARROW.matches ? NARROW_ROW : WIDE_ROW;
    }

    /** How many rows a page of the keyboard has. */
    get pageRows() {
        return Math.max(1, Math.floor((this.#height - this.#headHeight) / this.rowHeight) - 1);
    }

    /** What of the list is to be in the page: the first place, and the one behind the last. */
    get range() {
        const last = Math.ceil((this.#top + this.#height) / this.rowHeight) + BEYOND;
        return [Math.max(0, this.#first - BEYOND), Math.min(this.#list.length, last)];
    }

    /** The places that are seen, from the first to the one behind the last. */
    get seen() {
        const last = Math.ceil((this.#top + this.#height - this.#headHeight) / this.rowHeight);
        return [this.#first, Math.min(this.#list.length, last)];
    }

    /** Scroll to the newest, and follow them. */
    toTop() {
        this.#isFollowing = true;
        this.#scrollTo(0);
        this.#note(0);
        this.fresh = 0;
    }

    /** Scroll no farther than it takes to have all of the row at a place seen. */
    show(place) {
        const top = place * this.rowHeight;
        const bottom = top + this.rowHeight + this.#headHeight;
        if (top < this.#top) this.#scrollTo(top);
        else if (bottom > this.#top + this.#height) this.#scrollTo(bottom - this.#height);
        else return;
        this.#noteScrolled();
    }

    /** Take note that the grid has been scrolled; not what `keep` did is the reader's doing. */
    scrolled() {
        const before = this.#top;
        this.#top = this.#grid.scrollTop;
        if (Math.abs(this.#top - before) >= 1) this.#noteScrolled();
    }

    /** After rows came or went: have that which was the first to be seen where it was, or follow the newest. */
    keep(isHeld) {
        if (!this.#key || (this.#isFollowing && !isHeld)) {
            this.#scrollTo(0);
            this.#note(0);
            this.fresh = 0;
            return;
        }
        const at = this.#list.placeBehind(this.#key);
        this.fresh = Math.max(0, this.fresh + at - this.#at);
        this.#at = at;
        this.#scrollTo(at * this.rowHeight + this.#offset);
    }

    /** As high as the window has room for; on a phone all of it, for one scrolls to the table there. */
    #fit() {
        const top = NARROW.matches ? 0 : this.#grid.getBoundingClientRect().top + scrollY;
        const height = `${Math.max(LEAST_HEIGHT, innerHeight - top - FOOT)}px`;
        if (this.#grid.style.maxHeight !== height) this.#grid.style.maxHeight = height;
    }

    get #first() {
        return Math.floor(this.#top / this.rowHeight);
    }

    #noteScrolled() {
        this.#note(this.#top);
        this.#isFollowing = this.#top < this.rowHeight / 2;
        this.fresh = this.#isFollowing ? 0 : Math.min(this.fresh, this.#at);
    }

    #note(top) {
        this.#at = Math.max(0, Math.min(this.#list.length - 1, Math.floor(top / this.rowHeight)));
        this.#offset = top - this.#at * this.rowHeight;
        this.#key = this.#list.keyAt(this.#at);
    }

    #scrollTo(top) {
        const height = `${this.#list.length * this.rowHeight}px`;
        if (this.#body.style.height !== height) this.#body.style.height = height;
        if (top === 0 && this.#top === 0) return;
        this.#grid.scrollTop = top;
        this.#top = this.#grid.scrollTop;
    }
}
