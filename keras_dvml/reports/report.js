"use strict";
const data = JSON.parse(document.getElementById("data").textContent);

// Training curves: values of the epoch under the pointer.
document.querySelectorAll(".curve").forEach((figure, p) => {
  const svg = figure.querySelector("svg");
  const cursor = svg.querySelector(".cursor");
  const when = figure.querySelector(".when");
  const values = [...figure.querySelectorAll("b")];
  const last = values.map((value) => value.textContent);
  const epochs = Number(figure.dataset.epochs);
  const left = Number(svg.dataset.left), right = Number(svg.dataset.right);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
    const share = Math.min(1, Math.max(0, (x - left) / (right - left)));
    const epoch = Math.round(share * (epochs - 1));
    const at = epochs > 1 ? left + epoch / (epochs - 1) * (right - left) : (left + right) / 2;
    cursor.setAttribute("x1", at);
    cursor.setAttribute("x2", at);
    cursor.style.visibility = "visible";
    when.textContent = "epoch " + (epoch + 1);
    values.forEach((value, i) => {
      // What is measured now and then holds until measured again.
      const measured = data.curves[p][i].slice(0, epoch + 1).filter((v) => v !== null);
      value.textContent = measured.at(-1) ?? "\u2013";
    });
  });
  svg.addEventListener("pointerleave", () => {
    cursor.style.visibility = "hidden";
    when.textContent = "epoch " + epochs;
    values.forEach((value, i) => { value.textContent = last[i]; });
  });
});

document.querySelectorAll(".map").forEach((root, i) => {
  drawMap(root, { ...data.map, ...data.map.layouts[i] });
});

function drawMap(root, map) {
  const canvas = root.querySelector("canvas");
  const card = root.querySelector(".card");
  const aside = root.querySelector("aside");
  const select = root.querySelector(".group");
  const pictures = root.querySelector(".pictures");
  const zoomIn = root.querySelector(".in");
  const zoomOut = root.querySelector(".out");
  const hint = aside.innerHTML;
  const context = canvas.getContext("2d");
  const count = map.classes.length;
  const inner = map.tile - 2;
  const xs = map.points.filter((_, i) => i % 2 === 0);
  const ys = map.points.filter((_, i) => i % 2 === 1);
  const low = [Math.min(...xs), Math.min(...ys)];
  const high = [Math.max(...xs), Math.max(...ys)];
  const sheet = document.getElementById("sheet");
  let width = 0, height = 0, colors = [];
  let zoom = 1, centre = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
  const home = centre;
  let hovered = -1, chosen = -1, pictured = new Set();
  // Sides of the pictures on the map, and whose turn it is to be shown.
  const side = Math.min(map.tile, canvas.clientWidth < 500 ? 30 : 38);
  const turn = (i) => i * 2654435761 % 4294967296;
  const shuffled = [...Array(count).keys()].sort((a, b) => turn(a) - turn(b));

  function scale() {
    const margin = 28;
    return zoom * Math.min(
      (width - 2 * margin) / (high[0] - low[0] || 1),
      (height - 2 * margin) / (high[1] - low[1] || 1));
  }
  function place(i) {
    const s = scale();
    return [width / 2 + (xs[i] - centre[0]) * s, height / 2 + (ys[i] - centre[1]) * s];
  }

  function restyle() {
    const style = getComputedStyle(document.documentElement);
    const lightness = style.getPropertyValue("--dot-lightness");
    const chroma = style.getPropertyValue("--dot-chroma");
    colors = map.hues.map((hue) => `oklch(${lightness} ${chroma} ${hue})`);
    colors.text = style.getPropertyValue("--text");
    colors.page = style.getPropertyValue("--page");
    colors.hit = style.getPropertyValue("--hit");
    colors.miss = style.getPropertyValue("--miss");
    resize();
  }
  function resize() {
    const ratio = window.devicePixelRatio || 1;
    width = canvas.clientWidth;
    height = canvas.clientHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw();
  }

  function draw() {
    context.clearRect(0, 0, width, height);
    const near = new Set(chosen < 0 ? [] : map.neighbors[chosen]);
    const isMarked = (i) => i === chosen || i === hovered || near.has(i);
    const weight = (i, shown) => i === chosen ? 3 : near.has(i) ? 2 : map.classes[i] === shown ? 1 : 0;
    const order = shuffled.filter(isVisible);
    // Pictures keep their places while the pointer moves.
    const steady = singledOut();
    order.sort((a, b) => weight(b, steady) - weight(a, steady));
    pictured = pictures.checked && sheet.complete ? withRoom(order, isMarked) : new Set();
    const shown = hovered >= 0 && !pictures.checked ? map.classes[hovered] : steady;
    const isShown = (i) => shown === null || map.classes[i] === shown;
    order.sort((a, b) => weight(a, shown) - weight(b, shown));
    if (chosen >= 0) drawLines(near);
    for (const i of order) {
      if (!pictured.has(i)) drawDot(i, isMarked(i), isShown(i), shown !== null, near);
    }
    for (const i of order) {
      if (pictured.has(i)) drawPicture(i, isMarked(i), isShown(i), near);
    }
    context.globalAlpha = 1;
  }
  function isVisible(i) {
    const [x, y] = place(i);
    return x > -side && y > -side && x < width + side && y < height + side;
  }
  // Which pictures can be shown without covering another; marked ones always.
  function withRoom(order, isMarked) {
    const cells = new Map();
    const kept = new Set();
    for (const i of order) {
      const [x, y] = place(i);
      const column = Math.floor(x / side), row = Math.floor(y / side);
      let free = true;
      for (let dx = -1; dx <= 1 && free; dx++) {
        for (let dy = -1; dy <= 1 && free; dy++) {
          const other = cells.get(`${column + dx} ${row + dy}`);
          free = !other || Math.abs(other[0] - x) > side || Math.abs(other[1] - y) > side;
        }
      }
      if (!free && !isMarked(i)) continue;
      cells.set(`${column} ${row}`, [x, y]);
      kept.add(i);
    }
    return kept;
  }
  function drawLines(near) {
    const [x, y] = place(chosen);
    context.lineWidth = 1.2;
    context.strokeStyle = colors.text;
    context.globalAlpha = 0.5;
    for (const i of near) {
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(...place(i));
      context.stroke();
    }
  }
  function drawDot(i, isMarked, isShown, isSingled, near) {
    const room = Math.sqrt(width * height / count);
    const radius = Math.min(7, Math.max(2, room * 0.17) * Math.sqrt(zoom));
    const faint = pictures.checked ? 0.35 : 1;
    context.globalAlpha = isMarked ? 1 : isShown ? faint : faint * 0.14;
    context.beginPath();
    context.arc(...place(i), isMarked ? radius + 2 : isSingled && isShown ? radius + 1 : radius, 0, 2 * Math.PI);
    context.fillStyle = colors[map.classes[i]];
    context.fill();
    if (isMarked) {
      context.lineWidth = 2;
      context.strokeStyle = ring(i, near) ?? colors.text;
      context.stroke();
    }
  }
  function halfSide(isMarked) { return (isMarked ? 0.6 : 0.5) * side; }
  function drawPicture(i, isMarked, isShown, near) {
    const [x, y] = place(i);
    const half = halfSide(isMarked);
    context.globalAlpha = isMarked || isShown ? 1 : 0.12;
    context.drawImage(sheet, ...corner(i), x - half, y - half, 2 * half, 2 * half);
    context.lineWidth = isMarked ? 3 : 1.5;
    context.strokeStyle = ring(i, near) ?? colors[map.classes[i]];
    context.strokeRect(x - half, y - half, 2 * half, 2 * half);
  }
  // The class that stands out: the selected one, else that of the chosen image.
  function singledOut() {
    if (select.value !== "") return Number(select.value);
    return chosen >= 0 ? map.classes[chosen] : null;
  }
  function ring(i, near) {
    if (i === chosen || i === hovered) return colors.text;
    if (!near.has(i)) return null;
    if (!map.judged) return colors.text;
    return map.classes[i] === map.classes[chosen] ? colors.hit : colors.miss;
  }
  function corner(i) {
    // A pixel inside its tile: smoothing must not reach the next one.
    return [i % map.columns * map.tile + 1, Math.floor(i / map.columns) * map.tile + 1, inner, inner];
  }

  function tile(i) {
    const element = document.createElement("canvas");
    element.className = "tile";
    element.width = element.height = 2 * map.tile;
    const paint = element.getContext("2d");
    paint.imageSmoothingQuality = "high";
    paint.drawImage(sheet, ...corner(i), 0, 0, element.width, element.height);
    return element;
  }
  function text(tag, className, content) {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = content;
    return element;
  }
  function name(i) { return map.prefix + map.names[map.classes[i]]; }

  function hover(i) {
    if (i !== hovered) {
      hovered = i;
      card.hidden = i < 0;
      if (i >= 0) card.replaceChildren(tile(i), text("span", "name", name(i)));
      draw();
    }
    if (i < 0) return;
    const [x, y] = place(i);
    const apart = pictured.has(i) ? halfSide(true) + 6 : 16;
    const left = x + apart + card.offsetWidth > width ? x - apart - card.offsetWidth : x + apart;
    const top = Math.min(Math.max(4, y - card.offsetHeight / 2), height - card.offsetHeight - 4);
    card.style.transform = `translate(${Math.max(4, left)}px, ${top}px)`;
  }
  function choose(i) {
    chosen = i;
    if (i < 0) {
      aside.innerHTML = hint;
      return draw();
    }
    const head = document.createElement("div");
    head.className = "chosen";
    head.append(tile(i), text("h3", "", name(i)));
    const list = document.createElement("ol");
    list.className = "found";
    let hits = 0;
    map.neighbors[i].forEach((neighbor, rank) => {
      const hit = map.classes[neighbor] === map.classes[i];
      hits += hit;
      const item = document.createElement("li");
      const figure = document.createElement("figure");
      figure.append(tile(neighbor));
      if (map.judged) {
        item.className = hit ? "hit" : "miss";
        const sign = text("span", "sign", hit ? "\u2713" : "\u2717");
        sign.title = hit ? "right class" : "other class";
        figure.append(sign);
      }
      const caption = document.createElement("figcaption");
      const label = text("span", "name", map.names[map.classes[neighbor]]);
      label.title = name(neighbor);
      caption.append(label, text("span", "score", map.similarities[i][rank].toFixed(3)));
      figure.append(caption);
      item.append(figure);
      list.append(item);
    });
    const total = map.neighbors[i].length;
    aside.replaceChildren(head, text("p", "hint", `${hits} of the ${total} nearest are of its ${map.noun}`), list);
    draw();
  }

  function nearest(event) {
    const box = canvas.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    const covers = (i) => {
      const [px, py] = place(i);
      const half = halfSide(i === hovered || i === chosen);
      return pictured.has(i) && Math.max(Math.abs(px - x), Math.abs(py - y)) < half;
    };
    const reach = event.pointerType === "touch" ? 24 : 14;
    let best = -1, least = Infinity;
    for (let i = 0; i < count; i++) {
      const [px, py] = place(i);
      // A picture lies over the dots.
      const far = Math.hypot(px - x, py - y) - (covers(i) ? 1000 : 0);
      if (far < Math.min(least, reach)) { best = i; least = far; }
    }
    return best;
  }
  function zoomTo(level) {
    zoom = Math.min(16, Math.max(1, level));
    if (zoom === 1) centre = home;
    else if (chosen >= 0) centre = [xs[chosen], ys[chosen]];
    zoomOut.disabled = zoom === 1;
    zoomIn.disabled = zoom === 16;
    canvas.style.touchAction = zoom > 1 ? "none" : "pan-y";
    hover(-1);
    draw();
  }

  let grip = null;
  canvas.addEventListener("pointerdown", (event) => {
    grip = { x: event.clientX, y: event.clientY, centre, moved: false };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (grip && event.buttons && zoom > 1) {
      const dx = event.clientX - grip.x, dy = event.clientY - grip.y;
      if (grip.moved || Math.hypot(dx, dy) > 5) {
        grip.moved = true;
        canvas.setPointerCapture(event.pointerId);
        centre = [grip.centre[0] - dx / scale(), grip.centre[1] - dy / scale()];
        hover(-1);
        return draw();
      }
    }
    hover(nearest(event));
  });
  canvas.addEventListener("pointerleave", () => hover(-1));
  canvas.addEventListener("click", (event) => {
    if (!grip || !grip.moved) choose(nearest(event));
    grip = null;
  });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;  // a plain wheel scrolls the page
    event.preventDefault();
    zoomTo(zoom * Math.exp(-event.deltaY / 100));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      choose((chosen + step + count) % count);
    } else if (event.key === "Escape") choose(-1);
  });
  select.addEventListener("change", draw);
  pictures.addEventListener("change", draw);
  zoomIn.addEventListener("click", () => zoomTo(zoom * 2));
  zoomOut.addEventListener("click", () => zoomTo(zoom / 2));
  window.addEventListener("resize", resize);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);
  sheet.addEventListener("load", draw);
  zoomTo(1);
  restyle();
}
