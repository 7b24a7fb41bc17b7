// The governance marts, where the page shows them.

const GOVERNANCE = {
  governance_findings: ["Findings", "What somebody should look at."],
  pii_columns: ["Tagged columns", "Columns with personal data: declared, inherited, suggested or declassified."],
  deletion_plan: ["Deletion plan", "Where a deletion at the origin arrives by itself, and where somebody has to act."],
};
const HIDDEN = /(_id|_key|_hash|^built_at)$/;

function governanceCell(key, value) {
  if (value === null || value === undefined || value === "") return null;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (key === "severity") return status(value);
  if (typeof value === "number") return number(value);
  return name(words === undefined ? value : String(value), "clamp");
}

function governanceTable(mart, columns) {
  const rows = rowsOf(columns);
  const [title, lead] = GOVERNANCE[mart];
  const keys = Object.keys(columns).filter((key) => !HIDDEN.test(key) && columns[key].some((value) => value !== null));
  return card(title, h("p", { class: "soft" }, lead), rows.length ? table({
    caption: `${title}, ${counted(rows.length, "row")}`, rows, label: title,
    columns: keys.map((key) => ({ title: words(key), class: typeof columns[key].find((value) => value !== null) === "number" ? "number" : "", value: (row) => (typeof row[key] === "boolean" ? Number(row[key]) : row[key]), cell: (row) => governanceCell(key, row[key]) })),
  }) : empty("None."));
}

async function governanceView() {
  const marts = await part("governance");
  if (!marts) return missing();
  return {
    title: "Governance",
    content: [
      h("div", { class: "head" }, h("h1", {}, "Governance"), h("p", { class: "lead" }, "Shown because this page was made with details.")),
      Object.keys(GOVERNANCE).filter((mart) => mart in marts).map((mart) => governanceTable(mart, marts[mart])),
    ],
  };
}
