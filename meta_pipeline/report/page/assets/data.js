// What is shown is packed into the page in parts, each unpacked when a view first needs it.

const unpacked = new Map();

async function unpack(part) {
  const packed = document.getElementById(`part-${part}`);
  if (!packed) return null;
  const bytes = Uint8Array.from(atob(packed.textContent), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

function part(wanted) {
  if (!unpacked.has(wanted)) unpacked.set(wanted, unpack(wanted));
  return unpacked.get(wanted);
}

function rowsOf(columns) {
  const keys = Object.keys(columns || {});
  const count = keys.length ? columns[keys[0]].length : 0;
  return Array.from({ length: count }, (_, index) => Object.fromEntries(keys.map((key) => [key, columns[key][index]])));
}
