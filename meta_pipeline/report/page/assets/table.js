// One table for all views: sorted by its headers, shown in pages, read out as a table also where rows are stacked.

const PAGE = 50;

function compare(one, other) {
  const [noOne, noOther] = [one, other].map((value) => value === null || value === undefined || value === "");
  if (noOne || noOther) return noOne - noOther;
  return typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other));
}

/**
 * Columns have a title, a cell (what is shown of a row), a value to sort by (none: not sortable) and a class.
 * The caption is read out; it is seen where `isTold`. `sort` is [index of the column, whether descending]; `changed`
 * is told when a person sorts.
 */
function table({
  caption,
  columns,
  rows,
  sort = null,
  changed = () => {},
  pageSize = PAGE,
  label = caption,
  isTold = false,
  more = "",
}) {
  let order = sort;
  let page = 0;
  const body = h("tbody", { role: "rowgroup" });
  const pager = h("div", { class: "pager" });
  const headers = columns.map((column, index) => {
    const title = column.value
      ? h("button", { type: "button", click: () => sortBy(index) }, column.title)
      : column.title;
    return h("th", { scope: "col", role: "columnheader", class: column.class }, title);
  });

  function sortBy(index) {
    order = [index, order && order[0] === index ? !order[1] : false];
    page = 0;
    draw();
    changed(order);
  }

  function ordered() {
    if (!order) return rows;
    const [index, descending] = order;
    const value = columns[index].value;
    const sign = descending ? -1 : 1;
    const missing = (row) => [null, undefined, ""].includes(value(row));
    // What is not known stands last, whichever way.
    return [...rows].sort((one, other) => missing(one) - missing(other) || sign * compare(value(one), value(other)));
  }

  function draw() {
    headers.forEach((header, index) => {
      if (order && order[0] === index) header.setAttribute("aria-sort", order[1] ? "descending" : "ascending");
      else header.removeAttribute("aria-sort");
    });
    const shown = ordered().slice(page * pageSize, (page + 1) * pageSize);
    body.replaceChildren(
      ...shown.map((row) =>
        h(
          "tr",
          { role: "row" },
          columns.map((column) => {
            const content = h("div", {}, column.cell(row));
            const isEmpty = !content.hasChildNodes() || (!content.textContent && !content.querySelector("svg"));
            return h(
              "td",
              {
                role: "cell",
                class: [column.class, isEmpty && "nothing"].filter(Boolean).join(" ") || null,
                "data-label": column.title,
              },
              content,
            );
          }),
        ),
      ),
    );
    const pages = Math.ceil(rows.length / pageSize);
    pager.hidden = pages < 2;
    pager.replaceChildren(
      h("button", { type: "button", class: "plain", disabled: page === 0, click: () => turn(-1) }, "Previous"),
      h(
        "span",
        { role: "status" },
        `${number(page * pageSize + 1)} to ${number(Math.min((page + 1) * pageSize, rows.length))} of ${number(rows.length)}`,
      ),
      h("button", { type: "button", class: "plain", disabled: page >= pages - 1, click: () => turn(1) }, "Next"),
    );
  }

  function turn(step) {
    page += step;
    draw();
    frame.scrollIntoView({ block: "nearest" });
  }

  const frame = h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    h(
      "table",
      { class: `stack ${more}`, role: "table" },
      h("caption", { class: isTold ? null : "sr" }, caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, headers)),
      body,
    ),
  );
  draw();
  return [frame, pager];
}

// A choice of which one is on.
function choice(legend, options, chosen, pick) {
  const buttons = options.map(([value, title]) =>
    h(
      "button",
      {
        type: "button",
        "aria-pressed": String(value === chosen),
        click: (event) => {
          for (const button of buttons) button.setAttribute("aria-pressed", String(button === event.currentTarget));
          pick(value);
        },
      },
      title,
    ),
  );
  return h("fieldset", {}, h("legend", {}, legend), h("div", { class: "switch" }, buttons));
}

function search(title, value, changed) {
  return h(
    "label",
    {},
    title,
    h("input", {
      type: "search",
      value,
      autocomplete: "off",
      spellcheck: "false",
      input: (event) => changed(event.target.value),
    }),
  );
}

function select(title, options, chosen, changed) {
  return h(
    "label",
    {},
    title,
    h(
      "select",
      { change: (event) => changed(event.target.value) },
      options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
    ),
  );
}

const matches = (needle, ...texts) => {
  const looked = needle.trim().toLowerCase().split(/\s+/);
  const text = texts.filter(Boolean).join(" ").toLowerCase();
  return looked.every((word) => text.includes(word));
};
