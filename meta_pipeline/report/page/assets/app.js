// Which view is shown is in the address, so that it can be sent to somebody and gone back from.

const VIEWS = {
  fleet: fleetView,
  pipelines: pipelinesView,
  pipeline: pipelineView,
  changes: changesView,
  lineage: lineageView,
  governance: governanceView,
};

let leave = [];
const leaving = (action) => leave.push(action);
let shown = 0;

function missing() {
  return {
    title: "Not found",
    content: [
      h("h1", {}, "There is no such view"),
      h("p", {}, "It may have gone since the address was copied. ", h("a", { href: "#/fleet" }, "Back to the fleet")),
    ],
  };
}

function tellAge(fleet) {
  const line = document.getElementById("age");
  const age = fleet.collectedAt === null ? Infinity : now() - fleet.collectedAt;
  const isLate = !fleet.isPast && age > fleet.lateAfter;
  line.className = isLate ? "late" : "";
  const read =
    fleet.collectedAt === null
      ? "Nothing has been collected yet"
      : `Data read ${span(age)} ago (${minute(fleet.collectedAt)})`;
  if (fleet.isPast) line.textContent = `This page shows the past: everything is as it was on ${minute(fleet.asOf)}.`;
  else if (isLate)
    line.textContent = `${read}. The watcher itself is late: what follows is no longer known to be true. Look at the schedule of meta-pipeline.`;
  else line.textContent = `${read}, page made ${span(now() - fleet.madeAt)} ago.`;
}

async function show(isFirst) {
  const order = (shown += 1);
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, ...rest] = path.split("/");
  const fleet = await part("fleet");
  let argument;
  try {
    argument = decodeURIComponent(rest.join("/"));
  } catch {
    argument = "";
  }
  const make = Object.hasOwn(VIEWS, view || "fleet") ? VIEWS[view || "fleet"] : missing;
  for (const action of leave) action();
  leave = [];
  const made = await make(fleet, argument, new URLSearchParams(query));
  if (order !== shown) return;
  tellAge(fleet);
  const main = document.getElementById("view");
  main.replaceChildren(...[made.content].flat(Infinity).filter(Boolean));
  document.title = `${made.title} · meta-pipeline`;
  for (const entry of document.querySelectorAll("#views a")) {
    if (entry.getAttribute("href") === `#/${made.current || view || "fleet"}`) {
      entry.setAttribute("aria-current", "page");
      entry.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else entry.removeAttribute("aria-current");
  }
  if (made.drawn) made.drawn();
  if (!isFirst) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  main.dataset.shown = location.hash;
}

function start() {
  if (!("DecompressionStream" in window)) {
    document
      .getElementById("view")
      .replaceChildren(
        h("h1", {}, "This browser is too old"),
        h("p", {}, "It cannot unpack what this page holds. Any browser of 2023 or later can."),
      );
    return;
  }
  addEventListener("hashchange", () => show(false));
  document.querySelector(".skip").addEventListener("click", (event) => {
    // The address names a view, so it is not the place to go to.
    event.preventDefault();
    document.getElementById("view").focus();
  });
  setInterval(async () => tellAge(await part("fleet")), 60000);
  show(true);
}

start();
