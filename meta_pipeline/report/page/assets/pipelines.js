// All pipelines: as a table, and as a calendar of their days.

function worstFirst(one, other) {
  return rank(one.status) - rank(other.status) || String(one.name || "").localeCompare(String(other.name || ""));
}

function runCell(row) {
  const where = orchestrator(row.lastOrchestrator) || (row.orchestrators && words(row.orchestrators));
  if (!where && !row.lastUrl) return null;
  return link(row.lastUrl, where || "open run");
}

function pipelineTable(fleet, rows, parameters, remember) {
  const columns = [
    { title: "Status", value: (row) => rank(row.status), cell: (row) => status(row.status) },
    {
      title: "Pipeline",
      class: "named",
      value: (row) => row.name,
      cell: (row) => [pipelineLink(row.id, row.name), h("div", {}, place(row))],
    },
    { title: "Why", class: "wide", cell: (row) => name(row.reason, "clamp") },
    { title: "Orchestrator", value: (row) => row.lastOrchestrator || row.orchestrators, cell: runCell },
    {
      title: "Last load",
      value: (row) => row.lastLoad,
      cell: (row) =>
        row.lastLoad
          ? [
              h("div", { class: "nowrap" }, ago(row.lastLoad)),
              h("span", { class: "small soft nowrap" }, minute(row.lastLoad)),
            ]
          : soft("never"),
    },
    {
      title: "Next expected by",
      value: (row) => row.expectedBy,
      cell: (row) =>
        row.expectedBy
          ? [
              h("div", { class: "nowrap" }, ago(row.expectedBy)),
              h("span", { class: "small soft nowrap" }, minute(row.expectedBy)),
            ]
          : null,
    },
    {
      title: `Rows, ${fleet.dayCount} days`,
      value: (row) => row.rows.reduce((sum, count) => sum + (count || 0), 0),
      cell: (row) => sparkline(row.rows),
    },
    { title: "Owner", class: "owner", value: (row) => row.owner, cell: (row) => name(row.owner) },
  ].filter((column) => column.title !== "Owner" || rows.some((row) => row.owner));
  const chosen = columns.findIndex((column) => column.title === parameters.get("sort"));
  return table({
    caption: "Pipelines",
    columns,
    rows,
    sort: chosen < 0 ? null : [chosen, parameters.get("order") === "desc"],
    changed: ([index, descending]) => remember({ sort: columns[index].title, order: descending ? "desc" : "" }),
  });
}

function calendar(fleet, rows) {
  const key = [
    ["level-1", "fewer loads than usual"],
    ["level-2", "as usual"],
    ["level-3", "more than twice as many"],
    ["level-0", "none"],
    ["fault", "none, and a run failed"],
    ["before", "before its first load"],
  ];
  const gap = ([first, last]) =>
    first === last ? dayAt(fleet, first) : `${dayAt(fleet, first)} to ${dayAt(fleet, last)}`;
  return [
    h(
      "ul",
      { class: "key", "aria-label": "What the colours mean" },
      key.map(([level, text]) =>
        h(
          "li",
          {},
          s(
            "svg",
            { viewBox: "0 0 18 18", class: "days", "aria-hidden": "true" },
            s("path", { class: level, d: level === "before" ? "M0 8h18v2h-18z" : "M0 0h18v18h-18z" }),
          ),
          text,
        ),
      ),
    ),
    table({
      caption: `Loads by day, ${dayAt(fleet, 0)} to ${dayAt(fleet, fleet.dayCount - 1)}`,
      label: "Calendar of loads",
      more: "calendar",
      rows,
      columns: [
        {
          title: "Pipeline",
          class: "named",
          value: (row) => row.name,
          cell: (row) => [pipelineLink(row.id, row.name), h("div", {}, place(row))],
        },
        {
          title: "Days",
          value: (row) => gapsOf(row, fleet).length,
          cell: (row) => [dayStrip(row, fleet), dayAxis(fleet)],
        },
      ],
    }),
    h(
      "details",
      {},
      h("summary", {}, "The calendar as a table"),
      table({
        caption: "Days with and without loads",
        rows,
        columns: [
          { title: "Pipeline", value: (row) => row.name, cell: (row) => name(row.name || "(unknown)") },
          {
            title: "Days with loads",
            class: "number",
            value: (row) => row.loads.filter((count) => count).length,
            cell: (row) => number(row.loads.filter((count) => count).length),
          },
          {
            title: "Days with failed runs",
            class: "number",
            value: (row) => row.failures.filter((count) => count).length,
            cell: (row) => number(row.failures.filter((count) => count).length),
          },
          {
            title: "Gaps",
            class: "wide",
            value: (row) => gapsOf(row, fleet).length,
            cell: (row) => gapsOf(row, fleet).slice(-10).map(gap).join(", ") || soft("none"),
          },
        ],
      }),
    ),
  ];
}

function pipelinesView(fleet, _, parameters) {
  const all = pipelinesOf(fleet).sort(worstFirst);
  const shown = h("div", {});
  const told = h("p", { class: "soft small", role: "status" });
  const remember = (changed) => {
    for (const [key, value] of Object.entries(changed)) value ? parameters.set(key, value) : parameters.delete(key);
    history.replaceState(null, "", `#/pipelines${[...parameters].length ? `?${parameters}` : ""}`);
  };
  function draw() {
    const [wanted, needle] = [parameters.get("status"), parameters.get("q") || ""];
    const rows = all.filter(
      (row) =>
        (!wanted || row.status === wanted) &&
        (!needle ||
          matches(
            needle,
            row.name,
            row.destination,
            row.dataset,
            row.reason,
            row.owner,
            row.orchestrators,
            row.status,
          )),
    );
    told.textContent = `${counted(rows.length, "pipeline")}${rows.length === all.length ? "" : ` of ${number(all.length)}`}`;
    if (!rows.length)
      shown.replaceChildren(
        empty(
          all.length
            ? "No pipeline is like that. Take something out of the search."
            : "No pipelines yet. meta-pipeline check says what is read and what is left out.",
        ),
      );
    else
      shown.replaceChildren(
        ...[
          parameters.get("view") === "calendar"
            ? calendar(fleet, rows)
            : pipelineTable(fleet, rows, parameters, remember),
        ].flat(Infinity),
      );
  }
  const change = (changed) => {
    remember(changed);
    draw();
  };
  const statuses = STATUSES.filter((word) => all.some((row) => row.status === word)).map((word) => [word, word]);
  draw();
  return {
    title: "Pipelines",
    content: [
      h(
        "div",
        { class: "head" },
        h("h1", {}, "Pipelines"),
        h(
          "p",
          { class: "lead" },
          `The last ${fleet.dayCount} days; the words under Why are as of ${minute(fleet.asOf)}.`,
        ),
      ),
      h(
        "div",
        { class: "card" },
        h(
          "div",
          { class: "tools" },
          search("Search", parameters.get("q") || "", (text) => change({ q: text })),
          select("Status", [["", "all"], ...statuses], parameters.get("status") || "", (word) =>
            change({ status: word }),
          ),
          choice(
            "Show as",
            [
              ["", "Table"],
              ["calendar", "Calendar"],
            ],
            parameters.get("view") || "",
            (view) => change({ view }),
          ),
        ),
        told,
        shown,
      ),
    ],
  };
}
