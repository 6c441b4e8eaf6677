"use strict";
// The run: units with their spans, stages with all spans of that stage. Times are milliseconds since unit 0's capture began.

const data = JSON.parse(document.getElementById("data").textContent);
const UNIT_MS = data.unit_ms;

const stages = data.stages.map(([service, name], number) => ({ service, name, number, spans: [], longest: 0, tracks: 1 }));
const services = [...new Set(stages.map((stage) => stage.service))];
const units = data.units.map((unit, position) => ({ ...unit, position, spans: spansOf(unit) }));
for (const unit of units) {
  for (const span of unit.spans) {
    span.unit = unit;
    span.stage.spans.push(span);
  }
}
for (const stage of stages) {
  stage.spans.sort((a, b) => a.start - b.start);
  stage.longest = stage.spans.reduce((longest, span) => Math.max(longest, span.end - span.start), 0);
  stage.tracks = tracksFor(stage.spans);
}
const firstMs = units.length ? units[0].capture_ms : 0;
const lastMs = units.reduce((last, unit) => unit.spans.reduce((end, span) => Math.max(end, span.end), Math.max(last, endOf(unit))), firstMs);

function spansOf(unit) {
  const spans = [];
  for (let i = 0; i < unit.spans.length; i += 3) {
    const start = unit.spans[i + 1];
    spans.push({ stage: stages[unit.spans[i]], start, end: start + unit.spans[i + 2], duration: unit.spans[i + 2] });
  }
  return spans;
}

// A stage whose spans overlap (a unit waits for playout while the one before still does) is drawn on up to three tracks.
function tracksFor(spans) {
  const ends = [];
  let most = 1;
  for (const span of spans) {
    let open = 0;
    for (let i = 0; i < ends.length; i++) if (ends[i] - span.start > 0.5) ends[open++] = ends[i];
    ends.length = open;
    ends.push(span.end);
    most = Math.max(most, ends.length);
  }
  return Math.min(most, 3);
}

function statusOf(unit) {
  return unit.outcome === "SKIPPED" ? "skipped" : unit.outcome === "LATE" ? "late" : "ontime";
}

function lostMedia(unit) {
  return unit.audio_lost || unit.video_lost;
}

function endOf(unit) {
  return Math.max(unit.capture_ms + UNIT_MS, unit.emitted_ms ?? 0, unit.deadline_ms);
}

// First position in a list sorted by `key` whose key is not below `value`.
function lowerBound(list, value, key) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(list[middle]) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function unitAt(timeMs) {
  const position = lowerBound(units, timeMs, (unit) => unit.capture_ms + UNIT_MS);
  return units[Math.min(position, units.length - 1)];
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

function ms(value) {
  return value === null || value === undefined ? "–" : value >= 1000 ? value.toFixed(0) : value.toFixed(value >= 100 ? 1 : 2);
}

function seconds(timeMs) {
  return (timeMs / 1000).toFixed(3) + " s";
}

// --- What is shown, and in which colours ---

const view = { from: 0, to: 1, selected: null, hovered: null };
const ink = {};

function readInk() {
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue("--" + name).trim();
  for (const name of ["panel", "ink", "soft", "line", "faint", "accent", "ontime", "late", "skipped", "lost", "model", "playout",
    "select", "shade", "on-stage"]) ink[name] = value(name);
  const [dark, light] = [Number(value("stage-dark")), Number(value("stage-light"))];
  for (const service of services) {
    const own = stages.filter((stage) => stage.service === service);
    own.forEach((stage, i) => {
      const lightness = dark + (light - dark) * (own.length > 1 ? i / (own.length - 1) : 0.5);
      stage.color = `hsl(${value(service) || 330} 62% ${lightness}%)`;
    });
    ink[service] = `hsl(${value(service) || 330} 62% ${(dark + light) / 2}%)`;
  }
}

// A canvas sized in CSS pixels, sharp on every screen.
function brush(canvas, height) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  if (height) canvas.style.height = height + "px";
  const high = height || canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(high * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(high * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, high);
  context.font = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
  context.textBaseline = "middle";
  return { context, width, height: high };
}

function hatch(context, x, y, width, height, color) {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = color;
  context.lineWidth = 1.3;
  context.beginPath();
  for (let at = x - height; at < x + width; at += 5) {
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
  }
  context.stroke();
  context.restore();
}
