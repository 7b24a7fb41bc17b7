// What changed in the schemas, as a feed.

const BREAKING = ["table_removed", "column_removed", "data_type_changed", "nullability_changed"];

function changeCell(row) {
  const where = [row.table, row.column].filter(Boolean).join(".");
  return [
    h(
      "div",
      {},
      badge(BREAKING.includes(row.type) ? "warning" : "quiet", words(row.type)),
      " ",
      name(where || row.schema, "title"),
    ),
    (row.hint || row.old || row.new) &&
      h(
        "div",
        { class: "small" },
        row.hint && [name(row.hint, "mono"), " "],
        row.old && [name(row.old, "mono clamp"), row.new ? " → " : " (gone)"],
        row.new && name(row.new, "mono clamp"),
      ),
  ];
}

function changeTable(fleet, rows, pageSize = 20) {
  return table({
    caption: "Newest first",
    label: "Schema changes",
    rows,
    pageSize,
    columns: [
      {
        title: "When",
        value: (row) => row.at,
        cell: (row) => [when(row.at), h("div", { class: "small soft" }, ago(row.at))],
      },
      { title: "What", class: "wide", value: (row) => row.type, cell: changeCell },
      {
        title: "Where",
        value: (row) => `${row.destination}.${row.dataset}`,
        cell: (row) => [
          h("span", { class: "name" }, `${row.destination}.${row.dataset}`),
          row.schema && h("div", { class: "small soft" }, "schema ", name(row.schema)),
        ],
      },
      {
        title: "Pipeline",
        value: (row) => row.name,
        cell: (row) =>
          row.pipeline && byId(fleet).has(row.pipeline) ? pipelineLink(row.pipeline, row.name) : name(row.name),
      },
    ],
  });
}

function changesView(fleet, _, parameters) {
  const all = rowsOf(fleet.changes);
  const types = [...new Set(all.map((row) => row.type))].sort().map((type) => [type, words(type)]);
  const shown = h("div", {});
  const told = h("p", { class: "soft small", role: "status" });
  const change = (changed) => {
    for (const [key, value] of Object.entries(changed)) value ? parameters.set(key, value) : parameters.delete(key);
    history.replaceState(null, "", `#/changes${[...parameters].length ? `?${parameters}` : ""}`);
    draw();
  };
  function draw() {
    const [type, needle] = [parameters.get("type"), parameters.get("q") || ""];
    const rows = all.filter(
      (row) =>
        (!type || (type === "breaking" ? BREAKING.includes(row.type) : row.type === type)) &&
        (!needle ||
          matches(needle, row.table, row.column, row.schema, row.dataset, row.destination, row.name, row.hint)),
    );
    told.textContent =
      counted(rows.length, "change") +
      (all.length < fleet.changeCount
        ? `; of ${number(fleet.changeCount)} the newest ${number(all.length)} are searched, all are in data/schema_changes.parquet`
        : "");
    shown.replaceChildren(
      ...(rows.length
        ? changeTable(fleet, rows, 50).flat()
        : [
            empty(
              all.length
                ? "No change is like that. Take something out of the search."
                : "No change of a schema is known.",
            ),
          ]),
    );
  }
  draw();
  return {
    title: "Schema changes",
    content: [
      h(
        "div",
        { class: "head" },
        h("h1", {}, "Schema changes"),
        h("p", { class: "lead" }, "Tables, columns, types and hints that came, went or changed, as dlt stored them."),
      ),
      h(
        "div",
        { class: "card" },
        h(
          "div",
          { class: "tools" },
          search("Search", parameters.get("q") || "", (text) => change({ q: text })),
          select(
            "Kind",
            [["", "all"], ["breaking", "those that may break readers"], ...types],
            parameters.get("type") || "",
            (type) => change({ type }),
          ),
        ),
        told,
        shown,
      ),
    ],
  };
}
