/** The page's only script: it sorts and filters the table of instances. It gets nothing of the evidence but through the page. */
export const script = `
"use strict";
(() => {
  const table = document.getElementById("instances");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({ row, text: row.textContent.toLowerCase(), bad: row.cells[1].textContent.includes("NO") }));
  const heads = [...table.tHead.rows[0].cells];
  const collator = new Intl.Collator("en", { numeric: true });
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const text = ({ row }) => row.cells[column].textContent;
      const sorted = rows.toSorted((a, b) => collator.compare(text(a), text(b)) * (down ? -1 : 1));
      body.append(...sorted.map(({ row }) => row));
    });
  });
  const filter = document.getElementById("filter");
  const unproven = document.getElementById("unproven");
  const show = () => {
    const wanted = filter.value.trim().toLowerCase();
    let count = 0;
    for (const { row, text, bad } of rows) {
      row.hidden = !text.includes(wanted) || (unproven.checked && !bad);
      if (!row.hidden) count += 1;
    }
    document.getElementById("shown").textContent = count + " of " + rows.length + " instances";
  };
  filter.addEventListener("input", show);
  unproven.addEventListener("change", show);
  document.querySelector(".controls").hidden = false;
  show();
})();
`;
