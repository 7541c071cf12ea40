"use strict";
// Texts come in through textContent alone, never as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const canvas = document.getElementById("map"), pen = canvas.getContext("2d");
const select = document.getElementById("coloring");
// Tableau's ten, told apart by most readers with a colour deficiency; groups beyond nine share the grey.
const COLORS = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#edc948", "#76b7b2", "#ff9da7", "#9c755f"];
const OTHER = "#9aa0a6", SCALE = ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"];  // viridis
let view = { x: 0.5, y: 0.5, zoom: 1 }, chosen = -1, hidden = new Set(), colors = [], groups = [];

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function mixed(share) {  // a colour of the scale, share from 0 to 1
  const place = Math.min(Math.max(share, 0), 1) * (SCALE.length - 1), low = Math.min(Math.floor(place), SCALE.length - 2);
  const part = (color, at) => parseInt(color.slice(at, at + 2), 16);
  const mix = (at) => Math.round(part(SCALE[low], at) + (place - low) * (part(SCALE[low + 1], at) - part(SCALE[low], at)));
  return `rgb(${mix(1)}, ${mix(3)}, ${mix(5)})`;
}

function recolor() {
  const coloring = data.colorings[select.selectedIndex];
  const legend = document.getElementById("legend");
  legend.replaceChildren();
  hidden = new Set();
  document.getElementById("legend-title").textContent = coloring ? coloring.name : "";
  groups = data.texts.map(() => 0);
  colors = data.texts.map(() => COLORS[0]);
  if (coloring && coloring.labels) colorByLabel(coloring, legend);
  else if (coloring) colorByNumber(coloring, legend);
  draw();
}

function colorByLabel(coloring, legend) {
  groups = coloring.values.map((value) => Math.min(value, COLORS.length));
  colors = groups.map((group) => COLORS[group] || OTHER);
  const counts = new Map();
  for (const group of groups) counts.set(group, (counts.get(group) || 0) + 1);
  for (const group of [...counts.keys()].sort((a, b) => a - b)) {
    const others = coloring.labels.length - COLORS.length;
    const name = group < COLORS.length ? coloring.labels[group] : `${others} other${others > 1 ? "s" : ""}`;
    const button = element("button", "", { type: "button", "aria-pressed": "true" });
    button.append(element("span", "", { class: "swatch" }), element("span", `${name} (${counts.get(group)})`));
    button.firstChild.style.background = COLORS[group] || OTHER;
    button.addEventListener("click", () => {
      if (!hidden.delete(group)) hidden.add(group);
      button.setAttribute("aria-pressed", String(!hidden.has(group)));
      draw();
    });
    const item = element("li", "");
    item.append(button);
    legend.append(item);
  }
}

function colorByNumber(coloring, legend) {
  // One outlier must not leave all others in one colour: the scale spans the middle 96 %.
  const sorted = [...coloring.values].sort((a, b) => a - b);
  const low = sorted[Math.floor(0.02 * (sorted.length - 1))], high = sorted[Math.ceil(0.98 * (sorted.length - 1))];
  colors = coloring.values.map((value) => mixed(high > low ? (value - low) / (high - low) : 0.5));
  const item = element("li", "");
  item.append(element("div", "", { class: "scale" }), element("span", `${low.toFixed(2)} to ${high.toFixed(2)}, dark to light`));
  item.firstChild.style.background = `linear-gradient(to right, ${SCALE.join(", ")})`;
  legend.append(item);
}

function place(index) {  // of a point on the canvas, in CSS pixels
  const side = Math.min(canvas.clientWidth, canvas.clientHeight) * 0.94 * view.zoom;
  const [x, y] = data.points[index];
  return [canvas.clientWidth / 2 + (x - view.x) * side, canvas.clientHeight / 2 + (y - view.y) * side];
}

function dot(index, radius) {
  const [x, y] = place(index);
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
}

function draw() {
  const density = window.devicePixelRatio || 1;
  canvas.width = canvas.clientWidth * density;
  canvas.height = canvas.clientHeight * density;
  pen.scale(density, density);
  const radius = Math.min(6, Math.max(2.2, 60 / Math.sqrt(data.texts.length)) * Math.sqrt(view.zoom));
  pen.globalAlpha = 0.75;
  for (let index = 0; index < data.texts.length; index++) {
    if (hidden.has(groups[index])) continue;
    pen.fillStyle = colors[index];
    dot(index, radius);
    pen.fill();
  }
  pen.globalAlpha = 1;
  if (chosen < 0) return;
  pen.lineWidth = 2.5;
  pen.strokeStyle = getComputedStyle(document.body).color;
  dot(chosen, radius + 4);
  pen.stroke();
}

function choose(index) {
  if (index < 0 || index === chosen) return;
  chosen = index;
  const answers = element("dl", "");
  for (const [task, shown] of Object.entries(data.shown)) answers.append(element("dt", task), element("dd", shown[index]));
  document.getElementById("answer").replaceChildren(element("p", data.texts[index]), answers);
  draw();
}

function nearest(x, y, reach) {  // the visible point closest to a place within reach, -1: none
  let best = -1, least = reach * reach;
  for (let index = 0; index < data.texts.length; index++) {
    if (hidden.has(groups[index])) continue;
    const [px, py] = place(index), distance = (px - x) ** 2 + (py - y) ** 2;
    if (distance < least) [best, least] = [index, distance];
  }
  return best;
}

function neighbour(dx, dy) {  // the closest point in a direction; those off the axis count as farther away
  if (chosen < 0) return nearest(canvas.clientWidth / 2, canvas.clientHeight / 2, Infinity);
  const [x, y] = place(chosen);
  let best = -1, least = Infinity;
  for (let index = 0; index < data.texts.length; index++) {
    if (index === chosen || hidden.has(groups[index])) continue;
    const [px, py] = place(index), along = (px - x) * dx + (py - y) * dy, aside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
    if (along > 0 && along >= aside / 2 && along + 2 * aside < least) [best, least] = [index, along + 2 * aside];
  }
  return best;
}

function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const side = () => Math.min(canvas.clientWidth, canvas.clientHeight) * 0.94 * view.zoom;
  const dx = x - canvas.clientWidth / 2, dy = y - canvas.clientHeight / 2, before = side();
  view.zoom = Math.min(Math.max(view.zoom * factor, 1), 200);
  view.x += dx / before - dx / side();
  view.y += dy / before - dy / side();
  if (view.zoom === 1) view = { x: 0.5, y: 0.5, zoom: 1 };
  draw();
}

function keepInSight(index) {
  const [x, y] = place(index);
  if (x < 0 || y < 0 || x > canvas.clientWidth || y > canvas.clientHeight) [view.x, view.y] = data.points[index];
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
canvas.addEventListener("keydown", (event) => {
  if (event.key === "+") zoom(1.5);
  else if (event.key === "-") zoom(1 / 1.5);
  else if (ARROWS[event.key]) {
    const index = neighbour(...ARROWS[event.key]);
    if (index >= 0) keepInSight(index);
    choose(index);
  } else return;
  event.preventDefault();
});
let drag = null;
canvas.addEventListener("pointerdown", (event) => {
  drag = { x: event.clientX, y: event.clientY, view: { ...view } };
  choose(nearest(event.offsetX, event.offsetY, 30));
});
canvas.addEventListener("pointermove", (event) => {
  if (!drag || !event.buttons) return choose(nearest(event.offsetX, event.offsetY, 15));
  const side = Math.min(canvas.clientWidth, canvas.clientHeight) * 0.94 * view.zoom;
  view.x = drag.view.x - (event.clientX - drag.x) / side;
  view.y = drag.view.y - (event.clientY - drag.y) / side;
  draw();
});
window.addEventListener("pointerup", () => { drag = null; });
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, event.offsetX, event.offsetY);
}, { passive: false });
document.getElementById("closer").addEventListener("click", () => zoom(1.5));
document.getElementById("farther").addEventListener("click", () => zoom(1 / 1.5));
document.getElementById("all").addEventListener("click", () => zoom(0));
window.addEventListener("resize", draw);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
for (const coloring of data.colorings) select.append(element("option", coloring.name));
if (!data.colorings.length) select.parentElement.hidden = true;
select.addEventListener("change", recolor);
recolor();
