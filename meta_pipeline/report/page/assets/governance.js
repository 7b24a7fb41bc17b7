// The governance marts, where the page shows them.

const GOVERNANCE = {
  governance_findings: {
    title: "Findings",
    lead: "What somebody should look at; what is excepted by the configuration stands last.",
    columns: ["severity", "finding_type", "subject", "summary", "suggestion", "exception_reason"],
    order: (row) => [row.is_excepted ? 1 : 0, ["critical", "warning", "info"].indexOf(row.severity), row.subject],
  },
  pii_columns: {
    title: "Tagged columns",
    lead: "Columns with personal data: declared, inherited, suggested, or declassified.",
    columns: [
      "relation",
      "column_name",
      "status",
      "category",
      "origin_relation",
      "origin_column",
      "is_masked",
      "reason",
    ],
    order: (row) => [row.destination_name, row.relation, row.column_name],
  },
  deletion_plan: {
    title: "Deletion plan",
    lead: "Where a deletion at the origin arrives by itself, and where somebody has to act, in this order.",
    columns: [
      "origin_relation",
      "origin_column",
      "step",
      "relation",
      "materialization",
      "is_propagated",
      "is_action_needed",
      "action",
      "held_up_by",
    ],
    order: (row) => [row.origin_relation, row.origin_destination_name || "", row.origin_column, row.step, row.relation],
  },
};
const PII_TONES = { declared: "warning", inherited: "warning", suggested: "new", declassified: "good" };

const heading = (key) => {
  const text = words(key.replace(/^is_/, ""));
  return text[0].toUpperCase() + text.slice(1);
};

const placed = (relation, destination) => [
  name(relation),
  destination && h("div", { class: "small soft" }, name(destination)),
];

function governanceCell(key, row) {
  const value = row[key];
  if (value === null || value === undefined || value === "") return null;
  if (key === "severity") return status(value);
  if (key === "status") return badge(PII_TONES[value] || "quiet", words(value));
  if (key === "finding_type") return words(value);
  if (key === "relation") return placed(value, row.destination_name);
  if (key === "origin_relation") return placed(value, row.origin_destination_name);
  if (key === "is_action_needed") return value ? badge("warning", "yes") : "no";
  if (typeof value === "boolean") return value ? "yes" : "no";
  // What somebody has to do is told to the end.
  return typeof value === "number" ? number(value) : h("span", { class: "name" }, value);
}

function compareLists(one, other) {
  for (let index = 0; index < one.length; index += 1) {
    const difference = compare(one[index], other[index]);
    if (difference) return difference;
  }
  return 0;
}

function governanceTable({ title, columns, order }, rows) {
  const shown = columns.filter((key) => rows.some((row) => ![null, undefined, ""].includes(row[key])));
  return table({
    caption: title,
    label: title,
    rows: [...rows].sort((one, other) => compareLists(order(one), order(other))),
    columns: shown.map((key) => ({
      title: heading(key),
      class: ["summary", "suggestion", "reason", "action"].includes(key) ? "wide" : key === "relation" ? "named" : null,
      value: (row) => (typeof row[key] === "boolean" ? Number(row[key]) : row[key]),
      cell: (row) => governanceCell(key, row),
    })),
  });
}

async function governanceView(fleet, _, parameters) {
  const marts = await part("governance");
  if (!marts) return missing();
  const known = Object.entries(GOVERNANCE)
    .filter(([mart]) => mart in marts)
    .map(([mart, told]) => ({ ...told, rows: rowsOf(marts[mart]), place: h("div", {}) }));
  function draw(needle) {
    for (const mart of known) {
      const rows = needle
        ? mart.rows.filter((row) => matches(needle, ...Object.values(row).filter((value) => typeof value === "string")))
        : mart.rows;
      mart.place.replaceChildren(
        ...(rows.length
          ? governanceTable(mart, rows).flat()
          : [empty(mart.rows.length ? "Nothing is like that." : "None.")]),
      );
    }
  }
  draw(parameters.get("q"));
  const find = (needle) => {
    history.replaceState(null, "", `#/governance${needle ? `?${new URLSearchParams({ q: needle })}` : ""}`);
    draw(needle);
  };
  return {
    title: "Governance",
    content: [
      h(
        "div",
        { class: "head" },
        h("h1", {}, "Governance"),
        h(
          "p",
          { class: "lead" },
          "Personal data, where it goes, and what a deletion reaches. This view is here because the page was made with details.",
        ),
      ),
      h("div", { class: "tools" }, search("Search", parameters.get("q") || "", find)),
      known.map(({ title, lead, rows, place }) =>
        card(`${title} (${number(rows.length)})`, h("p", { class: "soft" }, lead), place),
      ),
    ],
  };
}
