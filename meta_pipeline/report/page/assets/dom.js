// Everything that is shown goes through these two: text stays text, whatever it holds.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

function name(text, more = "") {
  const length = text ? text.length : 0;
  return h("span", { class: `name ${more} ${length > 120 ? "clamp" : ""}`, title: length > 60 ? text : null }, text);
}

const soft = (...children) => h("span", { class: "soft" }, children);
const card = (title, ...children) => h("section", { class: "card" }, title && h("h2", {}, title), children);
const empty = (text) => h("p", { class: "empty" }, text);

// Addresses come from captured runs: only what a browser opens as a page is a link.
function link(address, text) {
  return /^https?:\/\//i.test(address || "") ? h("a", { href: address, rel: "noreferrer noopener" }, text) : text;
}

const SHAPES = {
  critical:
    "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm3 9.2-.8.8L8 8.8 5.8 11l-.8-.8L7.2 8 5 5.8l.8-.8L8 7.2 10.2 5l.8.8L8.8 8Z",
  warning: "M8 1.5 15.5 14.5H.5ZM7.2 6v4.5h1.6V6Zm0 5.5V13h1.6v-1.5Z",
  good: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm-1 10L3.8 7.9l1-1L7 9l4.3-4.3 1 1Z",
  new: "M8 1l2 5 5 2-5 2-2 5-2-5-5-2 5-2Z",
  quiet: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1ZM4 7.2h8v1.6H4Z",
};

function badge(tone, text) {
  return h(
    "span",
    { class: `badge ${tone}` },
    s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: SHAPES[tone], "fill-rule": "evenodd" })),
    text,
  );
}
