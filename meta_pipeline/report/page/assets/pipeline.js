// One pipeline: its runs, the volume of its tables, changes of its schemas, cursors, what it reads and feeds.

function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs
      .filter(([, text]) => text !== null && text !== undefined && text !== "")
      .map(([term, text]) => h("div", {}, h("dt", {}, term), h("dd", {}, text))),
  );
}

const hasSteps = (run) => STEPS.some((step) => run[step]);

function stepBar(run, longest) {
  if (!hasSteps(run)) return null;
  const parts = STEPS.map((step) => [step, run[step] || 0]);
  let start = 0;
  const bars = parts.map(([step, length]) => {
    const bar = s("rect", {
      class: `step-${step}`,
      x: (start / longest) * 100,
      width: (length / longest) * 100,
      height: 10,
    });
    start += length;
    return bar;
  });
  const told = parts.map(([step, length]) => `${step} ${span(length)}`).join(", ");
  return [
    s(
      "svg",
      { class: "steps", viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img", "aria-label": told },
      s("title", {}, told),
      bars,
    ),
  ];
}

const BAD = ["failed", "interrupted", "unfinished", "with_failed_jobs"];

function runTable(runs) {
  const longest = Math.max(1, ...runs.map((run) => STEPS.reduce((sum, step) => sum + (run[step] || 0), 0)));
  const columns = [
    {
      title: "At",
      value: (row) => row.at,
      cell: (row) => [when(row.at), h("div", { class: "small soft" }, ago(row.at))],
    },
    {
      title: "Outcome",
      value: (row) => row.outcome,
      cell: (row) => (row.outcome ? status(row.outcome) : badge("new", "may be running")),
    },
    {
      title: "Took",
      class: "number",
      value: (row) => row.seconds,
      cell: (row) => (row.seconds === null ? null : span(row.seconds)),
    },
    { title: "Steps", cell: (row) => stepBar(row, longest) },
    { title: "Rows", class: "number", value: (row) => row.rows, cell: (row) => number(row.rows) },
    {
      title: "Run",
      cell: (row) => (row.url || row.orchestrator ? link(row.url, orchestrator(row.orchestrator) || "open run") : null),
    },
    {
      title: "Error",
      class: "wide",
      cell: (row) =>
        row.exception || row.step
          ? [
              row.step && soft(`in ${row.step} `),
              name(row.exception, "mono"),
              row.message && h("div", {}, name(row.message, "clamp")),
            ]
          : null,
    },
  ]
    .filter(({ title }) => title !== "Error" || runs.some((row) => row.exception || row.step))
    .filter(({ title }) => title !== "Steps" || runs.some(hasSteps));
  const legend = h(
    "ul",
    { class: "key", "aria-hidden": "true" },
    STEPS.map((step) =>
      h(
        "li",
        {},
        s("svg", { viewBox: "0 0 14 14" }, s("rect", { class: `step-${step}`, width: 14, height: 14, rx: 3 })),
        step,
      ),
    ),
  );
  return [
    runs.some(hasSteps) && legend,
    table({
      caption: "The newest first. Where a run was not captured, its load stands for it.",
      label: "Runs",
      isTold: true,
      columns,
      rows: runs,
      pageSize: 10,
    }),
  ];
}

function volumeRows(shown, grain, fleet) {
  const series = (shown && shown.volume[grain]) || { place: [] };
  const flagged = new Set(series.flagged || []);
  return series.place.map((where, index) => ({
    at: (grain === "day" ? fleet.firstDay + where * DAY : where) * 1000,
    when: grain === "day" ? dayAt(fleet, where) : minute(where),
    rows: series.rows[index],
    expected: series.expected[index],
    lower: series.lower[index],
    upper: series.upper[index],
    flagged: flagged.has(where),
  }));
}

function describeChange(row) {
  const where = [row.table, row.column].filter(Boolean).join(".") || row.schema;
  const values = row.old || row.new ? `: ${[row.old, row.new].filter(Boolean).join(" → ")}` : "";
  return `${words(row.type)} ${where}${row.hint ? ` (${row.hint})` : ""}${values}`;
}

function historyCard(fleet, view, runs, changes) {
  const tables = view.tables;
  const withVolume = tables.filter((row) => row.volume.day || row.volume.load);
  if (!withVolume.length && !runs.length)
    return card("History", empty(`Nothing was loaded and counted in the last ${fleet.dayCount} days.`));
  const flags = (row) => Object.values(row.volume).reduce((sum, series) => sum + (series.flagged || []).length, 0);
  const total = (row) => ((row.volume.day || {}).rows || []).reduce((sum, count) => sum + count, 0);
  const ordered = [...withVolume].sort(
    (one, other) => Boolean(one.parent) - Boolean(other.parent) || total(other) - total(one),
  );
  let shown = ordered[0];
  let grain = shown && shown.volume.day ? "day" : "load";
  const starts = [
    ...runs.map((run) => run.at),
    ...withVolume.flatMap((row) =>
      row.volume.day ? [fleet.firstDay + row.volume.day.place[0] * DAY] : [row.volume.load.place[0]],
    ),
  ];
  const first = Math.max(fleet.firstDay, Math.floor(Math.min(...starts) / DAY) * DAY);
  const [from, to] = [first * 1000, (fleet.firstDay + fleet.dayCount * DAY) * 1000];
  const bars = runs
    .filter((run) => run.at * 1000 >= from && run.seconds !== null)
    .flatMap((run) => {
      const known = STEPS.reduce((sum, step) => sum + (run[step] || 0), 0);
      const parts = [...STEPS.map((step) => [step, run[step] || 0]), ["other", Math.max(run.seconds - known, 0)]];
      return parts
        .filter(([, seconds]) => seconds > 0)
        .map(([step, seconds]) => ({
          at: run.at * 1000,
          when: minute(run.at),
          step,
          seconds,
          order: parts.findIndex(([one]) => one === step),
          outcome: words(run.outcome || ""),
        }));
    });
  const bad = runs
    .filter((run) => BAD.includes(run.outcome) && run.at * 1000 >= from)
    .map((run) => ({
      at: run.at * 1000,
      when: minute(run.at),
      step: "other",
      seconds: 0,
      outcome: words(run.outcome),
      isBad: true,
    }));
  const marks = changes
    .filter((row) => row.at * 1000 >= from)
    .map((row) => ({ at: row.at * 1000, when: minute(row.at), what: describeChange(row).slice(0, 120) }));
  const frame = h("div", {});
  const data = h("div", {});
  const grains = h("div", {});
  function draw() {
    const rows = volumeRows(shown, grain, fleet);
    const label = `Rows of ${shown ? shown.name : "no table"} by ${grain}, what was expected, runs and schema changes; the table below has the numbers`;
    frame.replaceChildren(
      chart(
        (width) =>
          historySpec({
            volume: rows,
            runs: [...bars, ...bad],
            changes: marks,
            from,
            to,
            width,
            tableName: shown ? shown.name : "",
          }),
        label,
      ),
    );
    data.replaceChildren(
      ...table({
        caption: `Rows by ${grain}`,
        rows: [...rows].reverse(),
        pageSize: 30,
        columns: [
          { title: grain === "day" ? "Day" : "Load", value: (row) => row.at, cell: (row) => row.when },
          { title: "Rows", class: "number", value: (row) => row.rows, cell: (row) => number(row.rows) },
          { title: "Expected", class: "number", value: (row) => row.expected, cell: (row) => number(row.expected) },
          { title: "At least", class: "number", value: (row) => row.lower, cell: (row) => number(row.lower) },
          { title: "At most", class: "number", value: (row) => row.upper, cell: (row) => number(row.upper) },
          {
            title: "Flagged",
            value: (row) => Number(row.flagged),
            cell: (row) => (row.flagged ? badge("critical", "anomalous") : null),
          },
        ],
      }).flat(),
    );
    grains.replaceChildren(
      ...(shown && shown.volume.load && shown.volume.day
        ? [
            choice(
              "Rows of each",
              [
                ["day", "Day"],
                ["load", "Load"],
              ],
              grain,
              (picked) => {
                grain = picked;
                draw();
              },
            ),
          ]
        : []),
    );
  }
  const options = ordered.map((row) => [
    row.id,
    `${row.name.slice(0, 80)}${flags(row) ? ` (${counted(flags(row), "flag")})` : ""}`,
  ]);
  const key = h(
    "ul",
    { class: "key", "aria-hidden": "true" },
    [
      ["level-2", "M0 8h14", "rows"],
      ["band", "M0 2h14v10h-14z", "expected band"],
      ["flag", "M7 1l6 12h-12z", "flagged"],
      ["change", "M7 0v14", "schema change"],
    ].map(([kind, d, text]) =>
      h("li", {}, s("svg", { viewBox: "0 0 14 14", class: `mark-${kind}` }, s("path", { d })), text),
    ),
  );
  const result = card(
    "History",
    h(
      "div",
      { class: "tools" },
      options.length > 0 &&
        select("Table", options, shown && shown.id, (id) => {
          shown = ordered.find((row) => row.id === id);
          grain = shown.volume.day ? "day" : "load";
          draw();
        }),
      grains,
    ),
    key,
    frame,
    h("details", {}, h("summary", {}, "The numbers as a table"), data),
  );
  draw();
  return result;
}

function tableTable(tables, fleet) {
  return table({
    caption: "Tables that it loads",
    rows: tables,
    pageSize: 20,
    columns: [
      {
        title: "Table",
        class: "named",
        value: (row) => row.name,
        cell: (row) => [
          name(row.name, "title"),
          row.parent && h("div", { class: "small soft" }, "nested in ", name(row.parent)),
        ],
      },
      { title: "Written by", value: (row) => row.disposition, cell: (row) => row.disposition },
      { title: "Columns", class: "number", value: (row) => row.columnCount, cell: (row) => number(row.columnCount) },
      { title: "Rows there", class: "number", value: (row) => row.rowCount, cell: (row) => number(row.rowCount) },
      {
        title: `Rows loaded, ${fleet.dayCount} days`,
        cell: (row) => {
          if (!row.volume.day) return soft("not counted");
          const days = Array(fleet.dayCount).fill(null);
          row.volume.day.place.forEach((day, index) => {
            days[day] = row.volume.day.rows[index];
          });
          return sparkline(days);
        },
      },
    ],
  });
}

function cursorTable(cursors) {
  return table({
    caption: "Where its incremental cursors stand",
    rows: cursors,
    pageSize: 20,
    columns: [
      {
        title: "Resource",
        class: "named",
        value: (row) => row.resource,
        cell: (row) => [
          name(row.resource, "title"),
          row.source !== row.resource && h("div", { class: "small soft" }, name(row.source)),
        ],
      },
      { title: "Cursor", value: (row) => row.path, cell: (row) => name(row.path, "mono") },
      { title: "Stands at", class: "wide", cell: (row) => name(row.value, "mono clamp") },
      { title: "Last moved", value: (row) => row.advanced, cell: (row) => whenAndAgo(row.advanced) },
      {
        title: "State",
        value: (row) => Number(row.isStuck) + 2 * Number(row.hasRegressed),
        cell: (row) =>
          row.hasRegressed
            ? badge("warning", "went back")
            : row.isStuck
              ? badge("warning", "stuck")
              : badge("good", "moving"),
      },
    ],
  });
}

function neighbours(lineage, pipeline) {
  const nodes = rowsOf(lineage.nodes);
  const own = new Set(
    nodes.filter((node) => (node.pipelines || []).includes(pipeline.index)).map((node) => node.number),
  );
  const edges = rowsOf(lineage.edges);
  const unique = (numbers) => [...new Set(numbers)].map((index) => nodes[index]);
  return {
    reads: unique(edges.filter((edge) => own.has(edge.to) && !own.has(edge.from)).map((edge) => edge.from)),
    resources: nodes.filter((node) => own.has(node.number) && node.type === "resource"),
    feeds: unique(edges.filter((edge) => own.has(edge.from) && !own.has(edge.to)).map((edge) => edge.to)),
  };
}

function nodeItem(fleet, node) {
  const others = (node.pipelines || []).map((index) => pipelinesOf(fleet)[index]).filter(Boolean);
  return h(
    "li",
    {},
    h("a", { href: `#/lineage?node=${encodeURIComponent(node.id)}` }, name(node.name)),
    " ",
    h("span", { class: "small soft" }, words(node.type)),
    place(node).textContent && h("div", {}, place(node)),
    others.length > 0 &&
      h(
        "div",
        { class: "small" },
        "of ",
        others
          .slice(0, 5)
          .map((row, index) => [
            index ? ", " : "",
            h("a", { href: `#/pipeline/${encodeURIComponent(row.id)}` }, name(row.name || "(unknown)")),
          ]),
      ),
  );
}

function flowCard(fleet, lineage, pipeline) {
  const { reads, resources, feeds } = neighbours(lineage, pipeline);
  const listed = (nodes, none) =>
    nodes.length
      ? h(
          "ul",
          { class: "side" },
          nodes.slice(0, 50).map((node) => nodeItem(fleet, node)),
        )
      : empty(none);
  return card(
    "What it reads and feeds",
    h("h3", {}, "Reads"),
    listed(reads, resources.length ? "No captured run tells what its resources read." : "Nothing is known."),
    h("h3", {}, "Resources"),
    listed(resources, "None is known."),
    h("h3", {}, "Feeds"),
    listed(feeds, "Nothing that is known reads its tables."),
  );
}

async function pipelineView(fleet, id) {
  const pipeline = byId(fleet).get(id);
  if (!pipeline) return missing();
  const [views, lineage] = await Promise.all([
    part(`pipelines-${Math.floor(pipeline.index / fleet.partSize)}`),
    part("lineage"),
  ]);
  const view = views[pipeline.index % fleet.partSize];
  const [runs, cursors, past] = [rowsOf(view.runs), rowsOf(view.cursors), rowsOf(view.history)];
  const changes = rowsOf(fleet.changes).filter((row) => row.pipeline === id);
  const alerts = rowsOf(fleet.alerts).filter((row) => row.pipeline === id);
  return {
    title: pipeline.name || "(unknown)",
    current: "pipelines",
    content: [
      h(
        "div",
        { class: "head" },
        h("p", { class: "small" }, h("a", { href: "#/pipelines" }, "Pipelines"), " / ", place(pipeline)),
        h("h1", {}, name(pipeline.name || "(unknown)")),
        h("p", {}, status(pipeline.status), " ", name(pipeline.reason)),
      ),
      h(
        "div",
        { class: "card" },
        facts([
          ["Last load", pipeline.lastLoad && whenAndAgo(pipeline.lastLoad)],
          ["Next expected by", pipeline.expectedBy && whenAndAgo(pipeline.expectedBy)],
          ["Usually every", pipeline.interval && span(pipeline.interval)],
          ["In this status since", pipeline.since && whenAndAgo(pipeline.since)],
          [
            "Last run",
            pipeline.lastRun && [
              status(pipeline.lastOutcome || "unfinished"),
              " ",
              link(pipeline.lastUrl, orchestrator(pipeline.lastOrchestrator) || (pipeline.lastUrl ? "open run" : "")),
            ],
          ],
          ["Owner", pipeline.owner && name(pipeline.owner)],
          ["Destination", pipeline.destinationType && words(pipeline.destinationType)],
          ["Schemas", name(pipeline.schemas)],
          ["Loads known", number(pipeline.loadCount)],
        ]),
      ),
      alerts.length > 0 && card("Open alerts", alertTable(fleet, alerts, "Of this pipeline")),
      historyCard(fleet, view, runs, changes),
      card(
        "Runs",
        runs.length ? runTable(runs) : empty(`Neither a run nor a load in the last ${fleet.dayCount} days.`),
      ),
      h(
        "div",
        { class: "columns" },
        h(
          "div",
          {},
          card("Tables", view.tables.length ? tableTable(view.tables, fleet) : empty("No table of it is known.")),
          card("Cursors", cursors.length ? cursorTable(cursors) : empty("It keeps no incremental cursor.")),
          card(
            "Schema changes",
            changes.length ? changeTable(fleet, changes) : empty("No change of its schemas is known."),
          ),
        ),
        h(
          "div",
          {},
          flowCard(fleet, lineage, pipeline),
          past.length > 0 &&
            card(
              "History of its status",
              h(
                "ul",
                { class: "list" },
                past
                  .slice(0, 15)
                  .map((row) =>
                    h(
                      "li",
                      {},
                      status(row.status),
                      " ",
                      h("span", { class: "small soft" }, "since ", when(row.at)),
                      h("p", {}, name(row.reason, "clamp small")),
                    ),
                  ),
              ),
            ),
        ),
      ),
    ],
  };
}
