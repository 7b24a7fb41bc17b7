// What a team looks at first.

function pipelineLink(id, text) {
  return h("a", { href: `#/pipeline/${encodeURIComponent(id)}`, class: "title" }, name(text || "(unknown)"));
}

const byId = (fleet) =>
  (fleet.byId ||= new Map(rowsOf(fleet.pipelines).map((row, index) => [row.id, { ...row, index }])));
const pipelinesOf = (fleet) => [...byId(fleet).values()];
const place = (row) =>
  h("span", { class: "small soft name" }, [row.destination, row.dataset].filter(Boolean).join("."));

function ownerOf(fleet, id) {
  const pipeline = byId(fleet).get(id);
  return pipeline && pipeline.owner;
}

function alertTable(fleet, alerts, caption) {
  return table({
    caption,
    rows: alerts,
    columns: [
      {
        title: "Severity",
        value: (row) => ["critical", "warning", "info"].indexOf(row.severity),
        cell: (row) => status(row.severity),
      },
      {
        title: "What",
        class: "wide",
        value: (row) => row.subject,
        cell: (row) => [
          row.pipeline && byId(fleet).has(row.pipeline)
            ? pipelineLink(row.pipeline, row.subject)
            : name(row.subject, "title"),
          " ",
          soft(h("span", { class: "small" }, words(row.type))),
          h("div", {}, name(row.summary, "clamp")),
        ],
      },
      {
        title: "Owner",
        class: "owner",
        value: (row) => ownerOf(fleet, row.pipeline),
        cell: (row) => name(ownerOf(fleet, row.pipeline)),
      },
      { title: "Since", value: (row) => row.opened, cell: (row) => h("span", { class: "nowrap" }, ago(row.opened)) },
      { title: "Run", cell: (row) => (row.url ? link(row.url, "open run") : null) },
    ].filter(
      ({ title }) =>
        (title !== "Run" || alerts.some((row) => row.url)) &&
        (title !== "Owner" || alerts.some((row) => ownerOf(fleet, row.pipeline))),
    ),
    pageSize: 20,
  });
}

function changeList(fleet) {
  const changes = rowsOf(fleet.statusChanges);
  const news = fleet.sinceYesterday;
  const lines = changes
    .slice(0, 15)
    .map((row) =>
      h(
        "li",
        {},
        pipelineLink(row.pipeline, row.name),
        h("p", {}, status(row.from), " → ", status(row.to), " ", soft(ago(row.at))),
      ),
    );
  if (changes.length > 15) lines.push(h("li", {}, soft(`${number(changes.length - 15)} more changes of status`)));
  return card(
    "Since yesterday",
    lines.length
      ? h("ul", { class: "list" }, lines)
      : empty("No pipeline has changed its status in the last 24 hours."),
    h(
      "dl",
      { class: "facts short" },
      [
        ["Loads", number(news.loads)],
        ["Rows", number(news.rows || 0)],
        ["Alerts opened", number(news.opened)],
        ["Alerts over", number(news.resolved)],
        ["New pipelines", number(news.pipelines)],
        ["Schema changes", h("a", { href: "#/changes" }, number(news.changes))],
      ].map(([term, text]) => h("div", {}, h("dt", {}, term), h("dd", {}, text))),
    ),
  );
}

function coverageCard(fleet) {
  const rows = rowsOf(fleet.coverage);
  const wrong = rows.filter((row) => row.outcome !== "complete");
  if (!rows.length) return card("What was read", empty("Nothing has been collected yet."));
  if (!wrong.length) return card("What was read", empty(`Everything: ${counted(rows.length, "place")}.`));
  return card(
    "What could not be read",
    h(
      "ul",
      { class: "list" },
      wrong
        .slice(0, 50)
        .map((row) =>
          h(
            "li",
            {},
            name([row.destination, row.dataset].filter(Boolean).join("."), "title"),
            " ",
            badge(row.outcome === "partial" ? "warning" : "critical", words(row.outcome)),
            h("p", {}, soft(`since ${minute(row.since)}`)),
            row.error && h("p", {}, name(row.error, "clamp")),
          ),
        ),
      wrong.length > 50 && h("li", {}, soft(`and ${number(wrong.length - 50)} more`)),
    ),
  );
}

function fleetView(fleet) {
  const pipelines = pipelinesOf(fleet);
  const counts = STATUSES.map((word) => [word, pipelines.filter((row) => row.status === word).length]).filter(
    ([, count]) => count,
  );
  const alerts = rowsOf(fleet.alerts);
  const serious = alerts.filter((row) => row.severity !== "info");
  const minor = alerts.filter((row) => row.severity === "info");
  const share = counts.map(([word, count]) => {
    const stretch = h("span", { class: TONES[word] });
    stretch.style.flexGrow = count;
    return stretch;
  });
  return {
    title: "Fleet",
    content: [
      h(
        "div",
        { class: "head" },
        h("h1", {}, "Fleet"),
        h(
          "p",
          { class: "lead" },
          pipelines.length
            ? `${counted(pipelines.length, "pipeline")}, ${counted(serious.length, "open alert")}`
            : "No pipelines yet. meta-pipeline check says what is read and what is left out.",
        ),
      ),
      h(
        "ul",
        { class: "counts", "aria-label": "Pipelines by status" },
        counts.map(([word, count]) =>
          h(
            "li",
            {},
            h(
              "a",
              { class: "count", href: `#/pipelines?status=${word}` },
              h("strong", {}, number(count)),
              status(word),
            ),
          ),
        ),
      ),
      counts.length > 1 && h("div", { class: "share", "aria-hidden": "true" }, share),
      h(
        "div",
        { class: "columns" },
        h(
          "div",
          {},
          card(
            "Open alerts",
            serious.length ? alertTable(fleet, serious, "Worst first") : empty("Nothing is wrong that is known."),
            minor.length > 0 &&
              h(
                "details",
                {},
                h("summary", {}, `${number(minor.length)} that are for information`),
                alertTable(fleet, minor, "For information"),
              ),
          ),
        ),
        h("div", {}, changeList(fleet), coverageCard(fleet)),
      ),
    ],
  };
}
