// Places a graph in layers, left to right: each connected part by itself, few crossings, neighbours near each other.

const NODE = { width: 210, height: 44, column: 18, between: 70, gap: 12, partGap: 28, margin: 16 };
const SWEEPS = 6;

function components(ids, edges) {
  const root = new Map(ids.map((id) => [id, id]));
  const find = (id) => {
    let at = id;
    while (root.get(at) !== at) {
      root.set(at, root.get(root.get(at)));
      at = root.get(at);
    }
    return at;
  };
  for (const [from, to] of edges) root.set(find(from), find(to));
  const parts = new Map();
  for (const id of ids) {
    const top = find(id);
    if (!parts.has(top)) parts.set(top, []);
    parts.get(top).push(id);
  }
  return [...parts.values()].sort((one, other) => other.length - one.length);
}

// The length of the longest way to each node; what closes a circle is taken as if it led the other way.
function layersOf(ids, after) {
  const [state, order, backward] = [new Map(), [], new Set()];
  for (const start of ids) {
    if (state.has(start)) continue;
    const stack = [[start, 0]];
    state.set(start, "open");
    while (stack.length) {
      const top = stack[stack.length - 1];
      const next = after.get(top[0])[top[1]];
      if (next === undefined) {
        state.set(top[0], "done");
        order.push(top[0]);
        stack.pop();
        continue;
      }
      top[1] += 1;
      if (state.get(next) === "open") backward.add(`${top[0]} ${next}`);
      else if (!state.has(next)) {
        state.set(next, "open");
        stack.push([next, 0]);
      }
    }
  }
  const layer = new Map(ids.map((id) => [id, 0]));
  for (const id of order.reverse()) {
    for (const next of after.get(id)) {
      if (!backward.has(`${id} ${next}`)) layer.set(next, Math.max(layer.get(next), layer.get(id) + 1));
    }
  }
  // A source stands right before what it feeds, rather than at the very left.
  for (const id of [...order].reverse()) {
    const followers = after
      .get(id)
      .filter((next) => !backward.has(`${id} ${next}`))
      .map((next) => layer.get(next));
    if (followers.length) layer.set(id, Math.max(layer.get(id), Math.min(...followers) - 1));
  }
  return layer;
}

function placePart(ids, after, before, heightOf, top) {
  const layer = layersOf(ids, after);
  const layers = [];
  for (const id of ids) (layers[layer.get(id)] ||= []).push(id);
  const rank = new Map();
  const number = (row) => row.forEach((id, index) => rank.set(id, index));
  layers.forEach(number);
  const mean = (id, sides) => {
    const near = sides.flatMap((side) => side.get(id)).map((other) => rank.get(other));
    return near.length ? near.reduce((sum, value) => sum + value, 0) / near.length : rank.get(id);
  };
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forward = sweep % 2 === 0;
    for (const row of forward ? layers : [...layers].reverse()) {
      const wish = new Map(row.map((id) => [id, mean(id, [forward ? before : after])]));
      row.sort((one, other) => wish.get(one) - wish.get(other));
      number(row);
    }
  }
  const y = new Map();
  for (const row of layers) {
    let at = 0;
    for (const id of row) {
      y.set(id, at);
      at += heightOf(id) + NODE.gap;
    }
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const row of sweep % 2 ? [...layers].reverse() : layers) pull(row, y, before, after, heightOf);
  }
  const least = Math.min(...y.values());
  const places = new Map(
    ids.map((id) => [id, { x: NODE.margin + layer.get(id) * (NODE.width + NODE.between), y: top + y.get(id) - least }]),
  );
  const bottom = Math.max(...ids.map((id) => places.get(id).y + heightOf(id)));
  return { places, bottom };
}

// Moves the nodes of a layer towards the middle of their neighbours, as far as their order leaves room.
function pull(row, y, before, after, heightOf) {
  const wishes = row.map((id) => {
    const near = [...before.get(id), ...after.get(id)];
    if (!near.length) return y.get(id);
    const middle = near.reduce((sum, other) => sum + y.get(other) + heightOf(other) / 2, 0) / near.length;
    return middle - heightOf(id) / 2;
  });
  const placed = [];
  row.forEach((id, index) => {
    // Nodes that want the same place become a block around the middle of their wishes.
    let block = { ids: [id], wish: wishes[index], height: heightOf(id) + NODE.gap };
    while (placed.length && placed[placed.length - 1].wish + placed[placed.length - 1].height > block.wish) {
      const last = placed.pop();
      const [m, n] = [last.ids.length, block.ids.length];
      const wish = (last.wish * m + (block.wish - last.height) * n) / (m + n);
      block = { ids: [...last.ids, ...block.ids], wish, height: last.height + block.height };
    }
    placed.push(block);
  });
  for (const block of placed) {
    let at = block.wish;
    for (const id of block.ids) {
      y.set(id, at);
      at += heightOf(id) + NODE.gap;
    }
  }
}

/** Returns the place of each node, and how wide and high the picture is. */
function layout(ids, edges, heightOf) {
  const known = new Set(ids);
  const pairs = edges.filter(([from, to]) => from !== to && known.has(from) && known.has(to));
  const [after, before] = [new Map(ids.map((id) => [id, []])), new Map(ids.map((id) => [id, []]))];
  for (const [from, to] of pairs) {
    after.get(from).push(to);
    before.get(to).push(from);
  }
  const places = new Map();
  let top = NODE.margin;
  for (const part of components(ids, pairs)) {
    const placed = placePart(part, after, before, heightOf, top);
    for (const [id, where] of placed.places) places.set(id, where);
    top = placed.bottom + NODE.partGap;
  }
  const right = Math.max(0, ...[...places.values()].map((where) => where.x + NODE.width));
  return { places, width: right + NODE.margin, height: top };
}
