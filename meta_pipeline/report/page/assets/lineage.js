// Where data comes from and where it goes, as a picture that can be searched, followed and opened to columns.

const MOST_COLUMNS = 40;
const MOST_RESULTS = 30;
// More would take a browser seconds, and nobody finds anything among them by eye.
const MOST_DRAWN = 1500;

function graphOf(lineage) {
  if (lineage.graph) return lineage.graph;
  const nodes = rowsOf(lineage.nodes).map((node) => ({ ...node, in: [], out: [] }));
  const edges = rowsOf(lineage.edges);
  for (const edge of edges) {
    nodes[edge.from].out.push(edge);
    nodes[edge.to].in.push(edge);
  }
  lineage.graph = { nodes, edges, columnEdges: rowsOf(lineage.columnEdges) };
  return lineage.graph;
}

function reached(graph, start, way) {
  const found = new Set([start]);
  const waiting = [start];
  while (waiting.length) {
    const node = graph.nodes[waiting.pop()];
    for (const edge of way === "up" ? node.in : node.out) {
      const next = way === "up" ? edge.from : edge.to;
      if (!found.has(next)) {
        found.add(next);
        waiting.push(next);
      }
    }
  }
  return found;
}

const columnKey = (node, column) => `${node} ${column}`;

// All columns that a column is made of, or that are made of it.
function columnsReached(graph, node, column, way) {
  const found = new Set([columnKey(node, column)]);
  const waiting = [[node, column]];
  while (waiting.length) {
    const [at, name] = waiting.pop();
    for (const edge of graph.columnEdges) {
      const [near, nearColumn, far, farColumn] =
        way === "up"
          ? [edge.to, edge.toColumn, edge.from, edge.fromColumn]
          : [edge.from, edge.fromColumn, edge.to, edge.toColumn];
      if (near !== at || nearColumn !== name || farColumn === "*" || found.has(columnKey(far, farColumn))) continue;
      found.add(columnKey(far, farColumn));
      waiting.push([far, farColumn]);
    }
  }
  return found;
}

const label = (node) => [node.destination || node.project, node.dataset, node.name].filter(Boolean).join(".");
const shorten = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

async function lineageView(fleet, _, parameters) {
  const graph = graphOf(await part("lineage"));
  const head = h(
    "div",
    { class: "head" },
    h("h1", {}, "Lineage"),
    h(
      "p",
      { class: "lead" },
      `${counted(graph.nodes.length, "place")} that data flows through, left to right, and ${counted(graph.edges.length, "step")} between them.`,
    ),
  );
  if (!graph.nodes.length)
    return {
      title: "Lineage",
      content: [
        head,
        h("div", { class: "card" }, empty("Nothing is known yet. It comes with the first schema that is read.")),
      ],
    };

  const state = {
    way: parameters.get("way") || "both",
    zoom: 1,
    open: new Set(),
    column: null,
    chosen: null,
    needle: "",
  };
  const chosenAtFirst = graph.nodes.find((node) => node.id === parameters.get("node"));
  const picture = h("div", {
    class: "picture",
    tabindex: "0",
    role: "region",
    "aria-label": "Picture of the lineage; arrow keys go from node to node, Enter chooses one",
  });
  const side = h("div", { class: "side" });
  const results = h("div", { class: "results" });
  const numbers = h("div", {});
  const left = h("p", { class: "small soft", role: "status" });
  let elements = new Map();
  let drawn = { places: new Map(), width: 0, height: 0 };

  const around = () => {
    if (state.chosen === null) return null;
    const up = state.way === "down" ? new Set([state.chosen]) : reached(graph, state.chosen, "up");
    const down = state.way === "up" ? new Set([state.chosen]) : reached(graph, state.chosen, "down");
    return new Set([...up, ...down]);
  };
  const shownColumns = (node) => (state.open.has(node.number) ? (node.columns || []).slice(0, MOST_COLUMNS) : []);
  const heightOf = (id) =>
    NODE.height + shownColumns(graph.nodes[id]).length * NODE.column + (shownColumns(graph.nodes[id]).length ? 8 : 0);

  function remember() {
    const query = new URLSearchParams();
    if (state.chosen !== null) query.set("node", graph.nodes[state.chosen].id);
    if (state.way !== "both") query.set("way", state.way);
    history.replaceState(null, "", `#/lineage${[...query].length ? `?${query}` : ""}`);
  }

  function choose(index, { focus = true } = {}) {
    state.chosen = index;
    state.column = null;
    if (state.open.size) state.open = new Set([...state.open].filter((id) => id === index));
    remember();
    draw();
    if (focus) showNode(index);
  }

  function showNode(index) {
    const where = drawn.places.get(index);
    if (!where) return;
    picture.scrollTo({
      left: (where.x + NODE.width / 2) * state.zoom - picture.clientWidth / 2,
      top: (where.y + NODE.height / 2) * state.zoom - picture.clientHeight / 2,
    });
    const element = elements.get(index);
    if (element) element.focus({ preventScroll: true });
  }

  function openColumns(index) {
    state.open.has(index) ? state.open.delete(index) : state.open.add(index);
    state.column = null;
    draw();
    showNode(index);
  }

  function followColumn(index, column) {
    const reachedColumns = new Set([
      ...columnsReached(graph, index, column, "up"),
      ...columnsReached(graph, index, column, "down"),
    ]);
    state.column = { node: index, name: column, reached: reachedColumns };
    for (const key of reachedColumns) state.open.add(Number(key.slice(0, key.indexOf(" "))));
    draw();
    tellSide();
  }

  function edgePath(from, to) {
    const bend = Math.max(30, Math.abs(to[0] - from[0]) / 2);
    return `M${from[0]} ${from[1]}C${from[0] + bend} ${from[1]} ${to[0] - bend} ${to[1]} ${to[0]} ${to[1]}`;
  }

  function columnPlace(index, column, isRight) {
    const where = drawn.places.get(index);
    const row = shownColumns(graph.nodes[index]).indexOf(column);
    const y = row < 0 ? NODE.height / 2 : NODE.height + row * NODE.column + NODE.column / 2 + 2;
    return [where.x + (isRight ? NODE.width : 0), where.y + y];
  }

  function nodeElement(node) {
    const where = drawn.places.get(node.number);
    const height = heightOf(node.number);
    const columns = shownColumns(node);
    const more = (node.columns || []).length - columns.length;
    const isChosen = node.number === state.chosen;
    const isFound = state.needle && matches(state.needle, label(node));
    return s(
      "g",
      {
        class: `node ${node.type}${isChosen ? " chosen" : ""}${isFound ? " found" : ""}`,
        transform: `translate(${where.x} ${where.y})`,
        role: "button",
        tabindex: "-1",
        "aria-label": `${node.type} ${label(node)}`,
        "aria-pressed": String(isChosen),
        click: () => choose(node.number, { focus: false }),
        keydown: (event) => keyed(event, node.number),
      },
      s("rect", { width: NODE.width, height, rx: 6 }),
      s("rect", { class: "stripe", width: 5, height, rx: 2.5 }),
      s("title", {}, shorten(`${node.type} ${label(node)}`, 300)),
      s("text", { x: 14, y: 18, class: "name" }, shorten(node.name, 28)),
      s(
        "text",
        { x: 14, y: 34, class: "kind name" },
        shorten(
          [node.materialization || words(node.type), node.destination || node.project, node.dataset]
            .filter(Boolean)
            .join(" · "),
          38,
        ),
      ),
      columns.map((column, row) => {
        const isOn = state.column && state.column.reached.has(columnKey(node.number, column));
        const isLast = row === columns.length - 1 && more > 0;
        return s(
          "g",
          {
            class: `field${isOn ? " on" : ""}`,
            transform: `translate(8 ${NODE.height + row * NODE.column})`,
            click: (event) => {
              event.stopPropagation();
              followColumn(node.number, column);
            },
          },
          s("rect", { width: NODE.width - 12, height: NODE.column, rx: 3 }),
          s("text", { class: "column name", x: 6, y: 13 }, shorten(column, 26) + (isLast ? `  and ${more} more` : "")),
        );
      }),
    );
  }

  function edgeElements() {
    const lines = [];
    for (const edge of graph.edges) {
      if (!drawn.places.has(edge.from) || !drawn.places.has(edge.to)) continue;
      const [a, b] = [drawn.places.get(edge.from), drawn.places.get(edge.to)];
      const isOn = state.chosen !== null && [edge.from, edge.to].includes(state.chosen);
      lines.push(
        s("path", {
          class: `edge${edge.confidence < 1 ? " unsure" : ""}${isOn && !state.column ? " on" : ""}`,
          d: edgePath([a.x + NODE.width, a.y + NODE.height / 2], [b.x, b.y + NODE.height / 2]),
          "marker-end": "url(#arrow)",
        }),
      );
    }
    for (const edge of graph.columnEdges) {
      if (
        !state.open.has(edge.from) ||
        !state.open.has(edge.to) ||
        !drawn.places.has(edge.from) ||
        !drawn.places.has(edge.to)
      )
        continue;
      const isOn =
        state.column &&
        state.column.reached.has(columnKey(edge.from, edge.fromColumn)) &&
        state.column.reached.has(columnKey(edge.to, edge.toColumn));
      lines.push(
        s("path", {
          class: `edge of-column ${edge.transformation}${isOn ? " on" : ""}`,
          d: edgePath(columnPlace(edge.from, edge.fromColumn, true), columnPlace(edge.to, edge.toColumn, false)),
        }),
      );
    }
    return lines;
  }

  // Whole parts of the graph, the largest first, or what is nearest to the chosen one.
  function drawable(ids) {
    left.textContent = "";
    if (ids.length <= MOST_DRAWN) return ids;
    left.textContent = `The picture has ${number(MOST_DRAWN)} of ${number(ids.length)} places. Search for the one that you look for: all are searched.`;
    return state.chosen === null
      ? components(
          ids,
          graph.edges.map((edge) => [edge.from, edge.to]),
        )
          .flat()
          .slice(0, MOST_DRAWN)
      : [...around()].slice(0, MOST_DRAWN);
  }

  function draw() {
    const near = around();
    const on = (id) => near === null || near.has(id);
    const ids = drawable(graph.nodes.map((node) => node.number).filter(on));
    drawn = layout(
      ids,
      graph.edges.map((edge) => [edge.from, edge.to]),
      heightOf,
    );
    elements = new Map(ids.map((id) => [id, nodeElement(graph.nodes[id])]));
    const first = elements.get(state.chosen === null ? ids[0] : state.chosen);
    if (first) first.setAttribute("tabindex", "0");
    const svg = s(
      "svg",
      {
        width: drawn.width * state.zoom,
        height: drawn.height * state.zoom,
        viewBox: `0 0 ${drawn.width} ${drawn.height}`,
      },
      s(
        "defs",
        {},
        s(
          "marker",
          {
            id: "arrow",
            viewBox: "0 0 8 8",
            refX: 8,
            refY: 4,
            markerWidth: 9,
            markerHeight: 9,
            markerUnits: "userSpaceOnUse",
            orient: "auto",
          },
          s("path", { d: "M0 0.5 8 4 0 7.5Z", class: "arrow" }),
        ),
      ),
      s("g", {}, edgeElements()),
      s("g", {}, [...elements.values()]),
    );
    picture.replaceChildren(svg);
    tellSide();
    tellNumbers(ids);
  }

  function keyed(event, index) {
    const node = graph.nodes[index];
    const here = drawn.places.get(index);
    const layer = [...drawn.places]
      .filter(([, where]) => where.x === here.x)
      .sort((one, other) => one[1].y - other[1].y)
      .map(([id]) => id);
    const beside = (step) => layer[layer.indexOf(index) + step];
    const targets = {
      ArrowRight: () => node.out.map((edge) => edge.to).find((id) => drawn.places.has(id)),
      ArrowLeft: () => node.in.map((edge) => edge.from).find((id) => drawn.places.has(id)),
      ArrowDown: () => beside(1),
      ArrowUp: () => beside(-1),
    };
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(index);
    } else if (targets[event.key]) {
      event.preventDefault();
      const next = targets[event.key]();
      if (next !== undefined) showNode(next);
    }
  }

  function listOf(title, indexes) {
    const unique = [...new Set(indexes)];
    return [
      h("h3", {}, title),
      unique.length
        ? h(
            "ul",
            {},
            unique
              .slice(0, MOST_RESULTS)
              .map((id) =>
                h(
                  "li",
                  {},
                  h("button", { type: "button", class: "link", click: () => choose(id) }, name(graph.nodes[id].name)),
                  " ",
                  h("span", { class: "small soft" }, words(graph.nodes[id].type)),
                ),
              ),
            unique.length > MOST_RESULTS && h("li", { class: "soft" }, `and ${unique.length - MOST_RESULTS} more`),
          )
        : empty("Nothing."),
    ];
  }

  function tellSide() {
    if (state.chosen === null) {
      side.replaceChildren(
        h("h2", {}, "Nothing chosen"),
        empty(
          "Search for a table, or choose one in the picture: then only what leads to it and what is made of it is shown.",
        ),
      );
      return;
    }
    const node = graph.nodes[state.chosen];
    const owners = (node.pipelines || []).map((index) => pipelinesOf(fleet)[index]).filter(Boolean);
    const columns = node.columns || [];
    side.replaceChildren(
      ...[
        h("h2", {}, name(node.name)),
        facts([
          ["Kind", [words(node.type), node.materialization && `, ${node.materialization}`]],
          ["Place", name([node.destination, node.dataset].filter(Boolean).join("."))],
          ["dbt project", node.project && name(node.project)],
          [
            "Pipeline",
            owners.length
              ? owners.slice(0, 5).map((row, index) => [index ? ", " : "", pipelineLink(row.id, row.name)])
              : null,
          ],
        ]),
        columns.length > 0 &&
          h(
            "p",
            {},
            h(
              "button",
              {
                type: "button",
                class: "plain",
                "aria-expanded": String(state.open.has(state.chosen)),
                click: () => openColumns(state.chosen),
              },
              state.open.has(state.chosen) ? "Close its columns" : `Open its ${counted(columns.length, "column")}`,
            ),
          ),
        state.open.has(state.chosen) && [
          h("h3", {}, "Columns"),
          h(
            "ul",
            {},
            columns
              .slice(0, MOST_COLUMNS)
              .map((column) =>
                h(
                  "li",
                  {},
                  h(
                    "button",
                    { type: "button", class: "link mono", click: () => followColumn(state.chosen, column) },
                    name(column),
                  ),
                ),
              ),
          ),
        ],
        state.column && [
          h("h3", {}, "Followed"),
          h(
            "p",
            {},
            name(state.column.name, "mono"),
            " is connected with ",
            counted(state.column.reached.size - 1, "column"),
            ".",
          ),
        ],
        listOf(
          "Comes from",
          node.in.map((edge) => edge.from),
        ),
        listOf(
          "Goes to",
          node.out.map((edge) => edge.to),
        ),
        h(
          "p",
          {},
          h(
            "button",
            {
              type: "button",
              class: "plain",
              click: () => {
                state.chosen = null;
                state.column = null;
                state.open.clear();
                remember();
                draw();
              },
            },
            "Show everything",
          ),
        ),
      ]
        .flat(Infinity)
        .filter(Boolean),
    );
  }

  function tellNumbers(ids) {
    const known = new Set(ids);
    const steps = graph.edges.filter((edge) => known.has(edge.from) && known.has(edge.to));
    const columns = graph.columnEdges.filter(
      (edge) => known.has(edge.from) && known.has(edge.to) && state.open.has(edge.from) && state.open.has(edge.to),
    );
    const end = (title, key, columnKey) => {
      const text = (row) => [label(graph.nodes[row[key]]), row[columnKey]].filter(Boolean).join(".");
      return { title, value: text, cell: (row) => name(text(row)) };
    };
    numbers.replaceChildren(
      ...[
        steps.length
          ? table({
              caption: "Steps in the picture",
              rows: steps,
              pageSize: 30,
              isTold: true,
              columns: [
                end("From", "from"),
                end("To", "to"),
                { title: "Step", value: (row) => row.type, cell: (row) => row.type },
                { title: "Known by", value: (row) => row.method, cell: (row) => row.method },
                {
                  title: "Confidence",
                  class: "number",
                  value: (row) => row.confidence,
                  cell: (row) => number(row.confidence),
                },
              ],
            })
          : empty("No step is in the picture."),
        columns.length
          ? table({
              caption: "Columns in the picture",
              rows: columns,
              pageSize: 30,
              isTold: true,
              columns: [
                end("From", "from", "fromColumn"),
                end("To", "to", "toColumn"),
                {
                  title: "How",
                  value: (row) => row.transformation,
                  cell: (row) => [row.transformation, row.isMasked && ", masked"],
                },
              ],
            })
          : [],
      ].flat(Infinity),
    );
  }

  function find(needle) {
    state.needle = needle;
    const found = needle.trim()
      ? graph.nodes.filter((node) => matches(needle, label(node), node.type, (node.columns || []).join(" ")))
      : [];
    // Whoever writes a name mostly means the table, not what loads it, nor a table that has a column of that name.
    const ends = (node) => `.${label(node)}`.toLowerCase().endsWith(`.${needle.trim().toLowerCase()}`);
    const far = (node) => 4 * !ends(node) + 2 * !matches(needle, label(node)) + (node.type === "resource");
    found.sort((one, other) => far(one) - far(other));
    for (const [id, element] of elements)
      element.classList.toggle("found", Boolean(needle.trim()) && matches(needle, label(graph.nodes[id])));
    if (!needle.trim()) results.replaceChildren();
    else
      results.replaceChildren(
        h("p", { class: "small soft", role: "status" }, counted(found.length, "place")),
        h(
          "ul",
          {},
          found
            .slice(0, MOST_RESULTS)
            .map((node) =>
              h(
                "li",
                {},
                h("button", { type: "button", click: () => choose(node.number) }, name(label(node))),
                " ",
                h("span", { class: "small soft" }, words(node.type)),
              ),
            ),
        ),
      );
  }

  function zoom(factor) {
    state.zoom =
      factor === 0 ? Math.min(1, picture.clientWidth / drawn.width) : Math.min(2, Math.max(0.15, state.zoom * factor));
    const svg = picture.firstElementChild;
    svg.setAttribute("width", drawn.width * state.zoom);
    svg.setAttribute("height", drawn.height * state.zoom);
  }

  dragged(picture);
  if (chosenAtFirst) state.chosen = chosenAtFirst.number;
  const way = (value) => {
    state.way = value;
    remember();
    draw();
  };
  return {
    title: "Lineage",
    drawn: () => {
      draw();
      if (state.chosen !== null) showNode(state.chosen);
    },
    content: [
      head,
      h(
        "div",
        { class: "card" },
        h(
          "div",
          { class: "tools" },
          search("Search tables, resources, columns", "", find),
          choice(
            "Follow",
            [
              ["both", "Both ways"],
              ["up", "Upstream"],
              ["down", "Downstream"],
            ],
            state.way,
            way,
          ),
          h(
            "fieldset",
            {},
            h("legend", {}, "Size"),
            h(
              "div",
              { class: "switch" },
              h("button", { type: "button", "aria-label": "Smaller", click: () => zoom(0.8) }, "−"),
              h("button", { type: "button", "aria-label": "Larger", click: () => zoom(1.25) }, "+"),
              h("button", { type: "button", click: () => zoom(0) }, "Fit"),
            ),
          ),
        ),
        left,
        results,
      ),
      h("div", { class: "lineage" }, picture, h("div", { class: "card" }, side)),
      h("div", { class: "card" }, h("details", {}, h("summary", {}, "The picture as a table"), numbers)),
    ],
  };
}

// The picture scrolls as everything does; with a mouse it can also be dragged.
function dragged(frame) {
  let start = null;
  frame.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button === 0)
      start = { x: event.clientX, y: event.clientY, left: frame.scrollLeft, top: frame.scrollTop };
  });
  frame.addEventListener("pointermove", (event) => {
    if (!start) return;
    frame.classList.add("dragged");
    frame.scrollLeft = start.left + start.x - event.clientX;
    frame.scrollTop = start.top + start.y - event.clientY;
  });
  for (const end of ["pointerup", "pointerleave"])
    frame.addEventListener(end, () => {
      start = null;
      frame.classList.remove("dragged");
    });
}
