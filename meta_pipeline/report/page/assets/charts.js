// Small charts are drawn here, large ones by Vega-Lite.

const median = (values) => {
  const known = values.filter((value) => value !== null).sort((one, other) => one - other);
  return known.length ? known[Math.floor(known.length / 2)] : null;
};

function sparkline(values) {
  const known = values.filter((value) => value !== null);
  if (!known.length) return soft("not counted");
  const [width, height, top] = [128, 28, Math.max(...known, 1)];
  const place = (value, index) => [(index / (values.length - 1)) * width, height - 2 - (value / top) * (height - 4)];
  let path = "";
  let before = false;
  let last = null;
  values.forEach((value, index) => {
    if (value === null) return;
    const [x, y] = place(value, index);
    path += `${before ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    before = true;
    last = [x, y, value];
  });
  return [
    s(
      "svg",
      { class: "spark", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
      s("path", { d: path }),
      s("circle", { cx: last[0], cy: last[1], r: 2.5 }),
    ),
    h("span", { class: "small soft nowrap" }, `median ${number(median(values))} a day`),
  ];
}

// The days of a pipeline: how many loads, compared to its usual number of them.
function dayLevels(pipeline, fleet) {
  const usual = median(pipeline.loads.filter((count) => count > 0)) || 1;
  const first = pipeline.firstLoad === null ? Infinity : Math.floor((pipeline.firstLoad - fleet.firstDay) / DAY);
  return pipeline.loads.map((count, index) => {
    if (pipeline.failures[index] && !count) return "fault";
    if (count) return count < usual ? "level-1" : count > 2 * usual ? "level-3" : "level-2";
    return index < first ? "before" : "level-0";
  });
}

function gapsOf(pipeline, fleet) {
  const levels = dayLevels(pipeline, fleet);
  const gaps = [];
  levels.forEach((level, index) => {
    if (level !== "level-0" && level !== "fault") return;
    const last = gaps[gaps.length - 1];
    if (last && last[1] === index - 1) last[1] = index;
    else gaps.push([index, index]);
  });
  return gaps;
}

const dayAt = (fleet, index) => date(fleet.firstDay + index * DAY);

function dayStrip(pipeline, fleet) {
  const levels = dayLevels(pipeline, fleet);
  const withLoads = pipeline.loads.filter((count) => count > 0).length;
  const longest = Math.max(0, ...gapsOf(pipeline, fleet).map(([first, last]) => last - first + 1));
  const paths = {};
  levels.forEach((level, index) => {
    const shape = level === "before" ? "8.5h8.5v1h-8.5z" : "0h8.5v18h-8.5z";
    paths[level] = `${paths[level] || ""}M${index * 10} ${shape}`;
  });
  return s(
    "svg",
    {
      class: "days",
      viewBox: `0 0 ${levels.length * 10} 18`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": `loads on ${withLoads} of ${levels.length} days, longest gap ${counted(longest, "day")}`,
    },
    Object.entries(paths).map(([level, d]) => s("path", { class: level, d })),
  );
}

function dayAxis(fleet) {
  const width = fleet.dayCount * 10;
  const labels = [];
  for (let index = 0; index < fleet.dayCount; index += 1) {
    const day = new Date((fleet.firstDay + index * DAY) * 1000);
    if (day.getUTCDate() === 1 || (index === 0 && day.getUTCDate() < 25)) {
      const text = day.toLocaleString("en-GB", {
        month: "short",
        timeZone: "UTC",
        ...(index === 0 ? { day: "numeric" } : {}),
      });
      labels.push(h("span", {}, text));
      labels[labels.length - 1].style.insetInlineStart = `${(100 * index * 10) / width}%`;
    }
  }
  return h("span", { class: "axis", "aria-hidden": "true" }, labels);
}

// The style sheet decides, so that a chart that is drawn follows when light becomes dark, or paper.
const colour = (name) => `var(--${name})`;

const STEPS = ["extract", "normalize", "load"];

function themed(spec) {
  const text = {
    labelColor: colour("ink-soft"),
    titleColor: colour("ink-soft"),
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: "normal",
  };
  return {
    background: null,
    config: {
      font: getComputedStyle(document.body).fontFamily,
      view: { stroke: null },
      // The chart as a whole is a picture with a description, and the table beside it has its numbers.
      mark: { aria: false },
      axis: {
        ...text,
        aria: false,
        gridColor: colour("line"),
        domainColor: colour("line-strong"),
        tickColor: colour("line-strong"),
      },
      legend: { ...text, aria: false, orient: "top", symbolStrokeWidth: 2 },
      title: { aria: false, color: colour("ink"), fontSize: 12, anchor: "start", fontWeight: 600 },
    },
    ...spec,
  };
}

// A chart is drawn again where its place is as wide as something else.
function chart(makeSpec, label) {
  const place = h("div", { class: "chart", role: "img", "aria-label": label });
  let width = 0;
  let result = null;
  async function draw() {
    if (!place.isConnected) return;
    width = place.clientWidth;
    const options = {
      mode: "vega-lite",
      logLevel: 1,
      actions: false,
      ast: true,
      renderer: "svg",
      defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
    };
    if (result) result.finalize();
    result = await vegaEmbed(place, themed(makeSpec(width)), options);
    place.dataset.drawn = "true";
  }
  const observer = new ResizeObserver(() => {
    if (place.isConnected && Math.abs(place.clientWidth - width) > 4) draw();
  });
  observer.observe(place);
  leaving(() => {
    observer.disconnect();
    if (result) result.finalize();
  });
  return place;
}

/** Rows of a table with the band of what was expected, runs, and changes of schemas, on one axis of time. */
function historySpec({ volume, runs, changes, from, to, width, tableName }) {
  const inner = Math.max(width - 75, 200);
  const x = () => ({
    field: "at",
    type: "temporal",
    scale: { type: "utc", nice: false, padding: 0 },
    title: null,
    axis: { format: "%d %b", labelFlush: true, tickCount: Math.max(Math.floor(inner / 90), 3), grid: false },
  });
  // A domain of times is not understood where expressions are interpreted, so two unseen marks stretch the axis.
  const whole = {
    data: { values: [{ at: from }, { at: to }] },
    mark: { type: "rule", opacity: 0 },
    encoding: { x: x() },
  };
  const tooltip = [
    { field: "when", title: "at" },
    { field: "rows", type: "quantitative", title: "rows", format: ",.0f" },
    { field: "expected", type: "quantitative", title: "expected", format: ",.0f" },
    { field: "lower", type: "quantitative", title: "at least", format: ",.0f" },
    { field: "upper", type: "quantitative", title: "at most", format: ",.0f" },
  ];
  const y = (field) => ({
    field,
    type: "quantitative",
    title: "rows",
    axis: { format: "~s", tickCount: 5 },
    scale: { zero: true },
  });
  const changed = {
    data: { values: changes },
    mark: { type: "rule", color: colour("warning"), strokeDash: [4, 3], strokeWidth: 1.5 },
    encoding: {
      x: x(),
      tooltip: [
        { field: "what", title: "schema" },
        { field: "when", title: "at" },
      ],
    },
  };
  const volumeChart = {
    title: `Rows of ${tableName.slice(0, 60)}`,
    width: inner,
    height: 190,
    layer: [
      whole,
      {
        data: { values: volume.filter((row) => row.lower !== null) },
        mark: { type: "area", color: colour("accent"), opacity: 0.16 },
        encoding: { x: x(), y: y("lower"), y2: { field: "upper" } },
      },
      {
        data: { values: volume.filter((row) => row.expected !== null) },
        mark: { type: "line", color: colour("line-strong"), strokeDash: [3, 3], strokeWidth: 1.25 },
        encoding: { x: x(), y: y("expected") },
      },
      changed,
      {
        data: { values: volume },
        mark: { type: "line", color: colour("accent"), strokeWidth: 2 },
        encoding: { x: x(), y: y("rows") },
      },
      {
        data: { values: volume },
        mark: { type: "point", filled: true, size: 22, color: colour("accent"), opacity: 1 },
        encoding: { x: x(), y: y("rows"), tooltip },
      },
      {
        data: { values: volume.filter((row) => row.flagged) },
        mark: {
          type: "point",
          shape: "triangle-up",
          filled: true,
          size: 110,
          opacity: 1,
          color: colour("critical"),
          stroke: colour("surface"),
          strokeWidth: 1,
        },
        encoding: { x: x(), y: y("rows"), tooltip },
      },
    ],
  };
  const stepColours = [colour("level-3"), colour("level-1"), colour("good-fill"), colour("line-strong")];
  const runsChart = {
    title: "Seconds that runs took",
    width: inner,
    height: 90,
    layer: [
      whole,
      {
        data: { values: runs },
        mark: { type: "bar", width: Math.min(Math.max((inner / ((to - from) / (DAY * 1000))) * 0.6, 2), 10) },
        encoding: {
          x: x(),
          y: { field: "seconds", type: "quantitative", title: "seconds", axis: { format: "~s", tickCount: 3 } },
          color: {
            field: "step",
            type: "nominal",
            title: null,
            scale: { domain: [...STEPS, "other"], range: stepColours },
            legend: { offset: 4 },
          },
          order: { field: "order" },
          tooltip: [
            { field: "when", title: "at" },
            { field: "step", title: "step" },
            { field: "seconds", type: "quantitative", title: "seconds", format: ",.1f" },
            { field: "outcome", title: "outcome" },
          ],
        },
      },
      {
        data: { values: runs.filter((run) => run.isBad) },
        mark: {
          type: "point",
          shape: "cross",
          angle: 45,
          filled: true,
          size: 70,
          opacity: 1,
          color: colour("critical"),
          yOffset: -7,
        },
        encoding: {
          x: x(),
          y: { datum: 0 },
          tooltip: [
            { field: "when", title: "at" },
            { field: "outcome", title: "outcome" },
          ],
        },
      },
    ],
  };
  return {
    vconcat: runs.length ? [volumeChart, runsChart] : [volumeChart],
    spacing: 12,
    resolve: { scale: { x: "shared", color: "independent" } },
  };
}
