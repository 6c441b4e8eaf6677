// What the reader does: select, move, zoom.

const FIRST_VIEW_UNITS = 9;
let drawing = false;

function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    strip.draw();
    gantt.draw();
    plot.draw();
  });
}

function setView(from, span) {
  const all = lastMs - firstMs;
  const wide = clamp(span, 20, Math.max(all * 1.02, UNIT_MS * 2));
  view.from = clamp(from, firstMs - wide * 0.05, Math.max(lastMs - wide * 0.95, firstMs - wide * 0.05));
  view.to = view.from + wide;
  redraw();
}

function moveTo(timeMs) {
  const span = view.to - view.from;
  setView(timeMs - span / 2, span);
}

function zoom(factor, aroundMs = (view.from + view.to) / 2) {
  setView(aroundMs - (aroundMs - view.from) * factor, (view.to - view.from) * factor);
}

function select(unit) {
  view.selected = unit;
  fillUnit();
  byId("previous").disabled = unit.position === 0;
  byId("next").disabled = unit.position === units.length - 1;
  redraw();
}

function step(by) {
  reveal(units[clamp(view.selected.position + by, 0, units.length - 1)]);
}

function reveal(unit) {
  select(unit);
  const margin = Math.min(UNIT_MS * 2, (view.to - view.from) / 4);
  if (unit.capture_ms < view.from + margin || endOf(unit) > view.to - margin) moveTo(unit.capture_ms + UNIT_MS * 1.5);
}

function nextLate(by = 1) {
  for (let i = 1; i <= units.length; i++) {
    const unit = units[(view.selected.position + by * i + units.length * 2) % units.length];
    if (statusOf(unit) !== "ontime") return reveal(unit);
  }
}

const keys = {
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  Home: () => reveal(units[0]),
  End: () => reveal(units[units.length - 1]),
  l: () => nextLate(1),
  L: () => nextLate(-1),
  "+": () => zoom(0.6),
  "=": () => zoom(0.6),
  "-": () => zoom(1 / 0.6),
  0: () => setView(firstMs, Infinity),
};

function listen() {
  for (const part of [strip, gantt, plot]) part.listen();
  byId("previous").onclick = keys.ArrowLeft;
  byId("next").onclick = keys.ArrowRight;
  byId("next-late").onclick = keys.l;
  byId("zoom-in").onclick = keys["+"];
  byId("zoom-out").onclick = keys["-"];
  byId("fit").onclick = keys[0];
  document.addEventListener("keydown", (event) => {
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
  new ResizeObserver(redraw).observe(byId("main"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    paint();
    redraw();
  });
}

function paint() {
  readInk();
  fillStages();
  if (view.selected) fillUnit();
}

function start() {
  if (!units.length) {
    byId("main").hidden = true;
    byId("empty").hidden = false;
    return;
  }
  fillTiles();
  paint();
  gantt.layOut();
  // Opens where something went wrong, if anything did.
  const worst = units.find((unit) => statusOf(unit) === "late") || units.find((unit) => statusOf(unit) === "skipped");
  byId("next-late").disabled = !worst;
  listen();
  select(worst || units[0]);
  view.to = UNIT_MS * FIRST_VIEW_UNITS;
  moveTo((worst || units[0]).capture_ms + UNIT_MS * 1.5);
}

start();
