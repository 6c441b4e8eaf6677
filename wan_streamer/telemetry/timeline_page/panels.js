// Words and tables: the tiles, the selected unit, the stages. Everything goes in as text, never as HTML.

const byId = (id) => document.getElementById(id);

function make(tag, { text = "", name = "", style = {}, title = "" } = {}, children = []) {
  const element = document.createElement(tag);
  if (text !== "") element.textContent = text;
  if (name) element.className = name;
  if (title) element.title = title;
  Object.assign(element.style, style);
  element.append(...children);
  return element;
}

const percent = (value) => value * 100 + "%";

function fillTiles() {
  const { summary } = data;
  const three = (time) => (time ? `${time.p50_ms.toFixed(0)} / ${time.p95_ms.toFixed(0)} / ${time.p99_ms.toFixed(0)}` : "–");
  const tiles = [
    ["units", summary.unit_count, "", false],
    ["on time", summary.on_time_count, "", false],
    ["late", summary.late_count, "", summary.late_count > 0],
    ["skipped", summary.skipped_count, "", summary.skipped_count > 0],
    ["missed playout", summary.missed_playout_count, "", summary.missed_playout_count > 0],
    ["media lost", summary.media_lost_count, "", false],
    ["model-side p50 / p95 / p99", three(summary.model_latency), " ms", summary.model_latency?.p99_ms > data.model_latency_target_ms],
    ["capture to playout p50 / p95 / p99", three(summary.capture_to_playout), " ms", summary.capture_to_playout?.p99_ms > data.capture_to_playout_target_ms],
  ];
  byId("tiles").append(...tiles.map(([label, value, unit, bad]) =>
    make("div", { name: bad ? "bad" : "" }, [make("dt", { text: label }), make("dd", { text: value }, [make("small", { text: unit })])])));
  byId("session").textContent = `session ${units[0].session_id} · ${(lastMs / 1000).toFixed(1)} s · ${UNIT_MS} ms a unit`;
}

function fillUnit() {
  const unit = view.selected;
  const status = statusOf(unit);
  byId("unit-title").textContent = `Unit ${unit.unit_index}`;
  byId("badge").textContent = { ontime: "on time", late: "late", skipped: "skipped" }[status] + (unit.skip_reason ? `: ${unit.skip_reason}` : "");
  byId("badge").className = status;
  byId("text").textContent = unit.text || "no new words";
  byId("text").className = unit.text ? "" : "none";
  byId("facts").replaceChildren(...factsOf(unit).flatMap(([label, value, name]) => [make("dt", { text: label }), make("dd", { text: value, name })]));
  byId("waterfall").tBodies[0].replaceChildren(...waterfallOf(unit));
}

function factsOf(unit) {
  const margin = unit.emitted_ms === null ? null : unit.deadline_ms - unit.emitted_ms;
  const lost = [unit.audio_lost ? "audio" : "", unit.video_lost ? "video" : ""].filter(Boolean).join(" and ");
  return [
    ["captured", `${seconds(unit.capture_ms)} to ${seconds(unit.capture_ms + UNIT_MS)}`, ""],
    ["deadline", margin === null ? seconds(unit.deadline_ms) : `${seconds(unit.deadline_ms)}, ${margin < 0 ? "missed by" : "met with"} ${Math.abs(margin).toFixed(1)} ms`, margin < 0 ? "bad" : ""],
    ["model-side", ms(unit.model_latency_ms) + " ms", unit.model_latency_ms > data.model_latency_target_ms ? "bad" : ""],
    ["capture to playout", ms(unit.capture_to_playout_ms) + " ms", unit.capture_to_playout_ms > data.capture_to_playout_target_ms ? "bad" : ""],
    ["playout", unit.outcome === "SKIPPED" ? "nothing to play" : unit.missed_playout ? "came too late to play" : "in time", unit.missed_playout ? "bad" : ""],
    ["user media lost", lost || "none", lost ? "bad" : ""],
    ["generation, epoch", `${unit.generation}, ${unit.epoch}`, ""],
    ["trace", unit.trace_id || "–", "id"],
  ];
}

function stageName(stage) {
  return make("td", { title: `${stage.service} ${stage.name}` }, [
    make("i", { style: { background: stage.color } }), make("span", { text: stage.service + " " }), document.createTextNode(stage.name)]);
}

function waterfallOf(unit) {
  const spans = unit.spans;
  const from = Math.min(unit.capture_ms, ...spans.map((span) => span.start));
  const wide = Math.max(endOf(unit), ...spans.map((span) => span.end)) - from;
  return spans.map((span) => make("tr", {}, [
    stageName(span.stage),
    make("td", {}, [make("div", { name: "track" }, [
      make("i", { style: { left: percent((span.start - from) / wide), width: percent(span.duration / wide), background: span.stage.color } }),
      make("b", { style: { left: percent((unit.deadline_ms - from) / wide) } })])]),
    make("td", { text: ms(span.start - unit.capture_ms) }),
    make("td", { text: span.duration.toFixed(3) }),
  ]));
}

// Places 0.01 ms to 1 s on 0 to 1.
function logPlace(value) {
  return clamp((Math.log10(Math.max(value, 0.01)) + 2) / 5, 0, 1);
}

function fillStages() {
  let service = "";
  byId("stages").tBodies[0].replaceChildren(...data.summary.stages.map(({ service: of, stage: name, time }) => {
    const stage = stages.find((stage) => stage.service === of && stage.name === name);
    const first = of !== service;
    service = of;
    const [left, right] = [logPlace(time.p50_ms), logPlace(time.p99_ms)];
    return make("tr", { name: first ? "first" : "", title: `${time.count} units, longest ${ms(time.max_ms)} ms` }, [
      stageName(stage),
      make("td", {}, [make("div", { name: "track" }, [
        make("i", { style: { left: percent(left), width: percent(right - left), background: stage.color } })])]),
      ...[time.p50_ms, time.p95_ms, time.p99_ms].map((value) => make("td", { text: ms(value) })),
    ]);
  }));
}

function unitTip(unit) {
  const margin = unit.emitted_ms === null ? "" : `\nemitted ${ms(Math.abs(unit.deadline_ms - unit.emitted_ms))} ms ${unit.emitted_ms > unit.deadline_ms ? "after" : "before"} its deadline`;
  const lost = lostMedia(unit) ? "\nuser media lost" : "";
  return `Unit ${unit.unit_index}: ${unit.outcome.replace("_", " ").toLowerCase()}${unit.skip_reason ? ` (${unit.skip_reason})` : ""}
model-side ${ms(unit.model_latency_ms)} ms\ncapture to playout ${ms(unit.capture_to_playout_ms)} ms${margin}${lost}`;
}

function spanTip(span) {
  return `${span.stage.service} ${span.stage.name}, unit ${span.unit.unit_index}
${span.duration.toFixed(3)} ms
from ${(span.start - span.unit.capture_ms).toFixed(3)} to ${(span.end - span.unit.capture_ms).toFixed(3)} ms after capture began
at ${seconds(span.start)}${statusOf(span.unit) === "late" ? "\nthe unit was late" : ""}`;
}

function showTip(event, text) {
  const tip = byId("tip");
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = clamp(event.clientX + 14, 6, innerWidth - box.width - 6) + "px";
  tip.style.top = (event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 12 : event.clientY + 18) + "px";
}

function hideTip() {
  byId("tip").hidden = true;
}
