/** The page's only script: it sorts and filters the table of instances. It gets nothing of the evidence but through the page. */
export const script = `
"use strict";
(() => {
  const table = document.getElementById("instances");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({
    row,
    text: row.textContent.toLowerCase(),
    isBad: row.cells[1].querySelector(".bad") !== null,
  }));

  const heads = [...table.tHead.rows[0].cells];
  const collator = new Intl.Collator("en", { numeric: true });
  const sort = (column) => {
    const head = heads[column];
    const isDown = head.getAttribute("aria-sort") === "ascending";
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
    const keyed = rows.map(({ row }) => ({ row, key: row.cells[column].textContent }));
    keyed.sort((a, b) => collator.compare(a.key, b.key) * (isDown ? -1 : 1));
    body.append(...keyed.map(({ row }) => row));
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(column));
    head.replaceChildren(button);
  });

  const filter = document.getElementById("filter");
  const unproven = document.getElementById("unproven");
  const show = () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const { row, text, isBad } of rows) row.hidden = !text.includes(wanted) || (unproven.checked && !isBad);
    const shown = rows.filter(({ row }) => !row.hidden).length;
    document.getElementById("shown").textContent = shown + " of " + rows.length + " instances";
  };
  filter.addEventListener("input", show);
  unproven.addEventListener("change", show);
  document.querySelector(".controls").hidden = false;
  show();
})();
`;
