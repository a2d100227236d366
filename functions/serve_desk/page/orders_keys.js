/** What is done to the table with the keyboard and the pointer. */

/** Have a table do what its keys and the pointer say; its tip shows what is under them. */
export function listenTo(table, { tip, place }) {
    const { grid } = table;
    const rowOf = (target) => target.closest(".order")?.row;
    grid.addEventListener("scroll", () => {
        place.scrolled();
        tip.hide();
        table.render();
        table.dispatchEvent(new Event("scrolled"));
    });
    grid.addEventListener("pointerover", ({ target, pointerType }) => {
        if (pointerType !== "mouse") return;
        table.isPointedAt = true;
        const row = rowOf(target);
        const cell = target.closest("[role=gridcell]");
        if (row && cell) tip.show(cell, () => row.tipOf(cell));
    });
    grid.addEventListener("pointerleave", () => {
        tip.hide();
        table.isPointedAt = false;
    });
    grid.addEventListener("focusin", ({ target }) => {
        const row = rowOf(target);
        if (!row) return;
        table.active = row;
        if (target.matches(":focus-visible")) tip.show(row.stepCell, () => row.tipOf(row.stepCell));
    });
    grid.addEventListener("focusout", () => {
        tip.hide();
        // Where it goes to is known when this is over.
        queueMicrotask(() => table.dispatchEvent(new Event("held")));
    });
    grid.addEventListener("click", ({ target }) => {
        const row = rowOf(target);
        if (!row) return;
        const { act } = target.closest("button")?.dataset ?? {};
        // Somebody who has marked a text of the row wants to copy it.
        if (!act && isMarkedIn(row.element)) return;
        table.dispatchEvent(new CustomEvent(act ? "act" : "open", { detail: { id: row.id, act } }));
    });
    grid.addEventListener("keydown", (event) => {
        const row = rowOf(event.target);
        if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
        if (press(event, table, row, { tip, place })) event.preventDefault();
    });
}

function isMarkedIn(element) {
    const selection = document.getSelection();
    return !selection.isCollapsed && selection.containsNode(element, true);
}

/** Do what a key says; returns whether it says something here. */
function press({ key, target }, table, row, { tip, place }) {
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: place.pageRows, PageUp: -place.pageRows };
    const all = Number.MAX_SAFE_INTEGER;
    const by = { ...moves, Home: -all, End: all }[key];
    if (by !== undefined) table.moveFocus(by);
    else if (key === "Enter" && target === row.element) {
        table.dispatchEvent(new CustomEvent("open", { detail: { id: row.id } }));
    } else if (key === "ArrowRight" || key === "ArrowLeft") row.moveInside(target, key === "ArrowRight" ? 1 : -1);
    else return key === "Escape" && tip.hide();
    return true;
}
