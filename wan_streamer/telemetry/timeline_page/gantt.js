// The stages over time: a row a stage, a group a service, above them the units themselves with their deadlines.

const GUTTER = 138, AXIS = 20, UNIT_ROW = 20, AGE_TRACK = 9, AGE_TRACKS = 3, ROW = 16, GAP = 9;

const gantt = {
  canvas: document.getElementById("gantt"),
  rows: [],
  width: 0,
  height: 0,

  layOut() {
    let y = AXIS + UNIT_ROW + 4 + AGE_TRACK * AGE_TRACKS;
    this.rows = [];
    for (const service of services) {
      y += GAP;
      for (const stage of stages.filter((stage) => stage.service === service)) {
        const high = Math.max(ROW, stage.tracks * 8);
        this.rows.push({ stage, y, high });
        y += high;
      }
    }
    this.height = y + 6;
  },

  x(timeMs) {
    return GUTTER + ((timeMs - view.from) / (view.to - view.from)) * (this.width - GUTTER);
  },

  time(x) {
    return view.from + ((x - GUTTER) / (this.width - GUTTER)) * (view.to - view.from);
  },

  draw() {
    const { context, width } = brush(this.canvas, this.height);
    this.width = width;
    this.drawGroups(context, width);
    context.save();
    context.beginPath();
    context.rect(GUTTER, 0, width - GUTTER, this.height);
    context.clip();
    this.drawSelection(context);
    this.drawUnits(context, width);
    for (const row of this.rows) this.drawRow(context, row);
    this.drawDeadlineOfSelected(context);
    context.restore();
    this.drawLabels(context);
  },

  drawGroups(context, width) {
    for (const service of services) {
      const own = this.rows.filter((row) => row.stage.service === service);
      const [top, last] = [own[0].y - 2, own[own.length - 1]];
      context.fillStyle = ink.faint;
      context.globalAlpha = 0.65;
      context.fillRect(0, top, width, last.y + last.high + 2 - top);
      context.globalAlpha = 1;
      context.fillStyle = ink[service];
      context.fillRect(0, top, 3, last.y + last.high + 2 - top);
    }
  },

  drawSelection(context) {
    const unit = view.selected;
    const [from, to] = [this.x(unit.capture_ms), this.x(endOf(unit))];
    context.fillStyle = ink.select;
    context.fillRect(from, AXIS, to - from, this.height - AXIS);
  },

  visibleUnits() {
    const first = lowerBound(units, view.from - 3000, (unit) => unit.capture_ms);
    const last = lowerBound(units, view.to, (unit) => unit.capture_ms);
    return units.slice(first, last);
  },

  drawUnits(context, width) {
    const wide = this.x(UNIT_MS) - this.x(0);
    this.drawAxis(context, width);
    let lastX = -1;
    for (const unit of this.visibleUnits()) {
      const x = this.x(unit.capture_ms);
      const late = statusOf(unit) !== "ontime";
      if (wide < 1 && Math.floor(x) === lastX && !late) continue;
      lastX = Math.floor(x);
      if (wide > 7) {
        context.fillStyle = ink.line;
        context.fillRect(Math.round(x), AXIS, 1, this.height - AXIS);
      }
      this.drawCell(context, unit, x, wide);
      this.drawAge(context, unit, wide);
    }
  },

  drawAxis(context, width) {
    const span = view.to - view.from;
    const step = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 120000].find((ms) => (span / ms) * 75 < width) || 300000;
    context.fillStyle = ink.soft;
    context.textAlign = "left";
    for (let at = Math.ceil(Math.max(view.from, 0) / step) * step; at < view.to; at += step) {
      context.fillRect(Math.round(this.x(at)), 13, 1, 7);
      context.fillText((at / 1000).toFixed(step < 100 ? 2 : step < 1000 ? 1 : 0) + " s", this.x(at) + 4, 9);
    }
  },

  drawCell(context, unit, x, wide) {
    const status = statusOf(unit);
    const [top, high] = [AXIS + 2, UNIT_ROW - 4];
    if (status === "skipped" && wide > 5) {
      hatch(context, x + 1, top, wide - 1, high, ink.skipped);
    } else {
      context.fillStyle = ink[status];
      context.globalAlpha = status === "ontime" ? 0.25 : 1;
      context.fillRect(x + (wide > 4 ? 1 : 0), top, Math.max(wide - (wide > 4 ? 1 : 0), 1), high);
      context.globalAlpha = 1;
    }
    if (unit === view.selected) {
      context.strokeStyle = ink.ink;
      context.lineWidth = 1.5;
      context.strokeRect(x + 1, top - 0.5, Math.max(wide - 1, 2), high + 1);
    }
    if (wide < 14) return;
    const label = wide > 92 && status !== "ontime" ? `${unit.unit_index} ${unit.outcome.toLowerCase()}` : String(unit.unit_index);
    if (wide > context.measureText(label).width + 8) {
      if (status === "skipped") {
        context.fillStyle = ink.panel;
        context.fillRect(x + 4, top + 1, context.measureText(label).width + 6, high - 2);
      }
      context.fillStyle = status === "late" ? ink.panel : ink.ink;
      context.fillText(label, x + 7, top + high / 2 + 0.5);
    }
  },

  // From the end of capture to emission; what is beyond the deadline is red.
  drawAge(context, unit, wide) {
    if (unit.emitted_ms === null || wide < 2) return;
    const y = AXIS + UNIT_ROW + 2 + (unit.position % AGE_TRACKS) * AGE_TRACK + AGE_TRACK / 2;
    const [start, deadline, emitted] = [this.x(unit.capture_ms + UNIT_MS), this.x(unit.deadline_ms), this.x(unit.emitted_ms)];
    const late = unit.emitted_ms > unit.deadline_ms;
    context.fillStyle = ink.ontime;
    context.fillRect(start, y - 1, Math.min(emitted, deadline) - start, 2);
    if (late) {
      context.fillStyle = ink.late;
      context.fillRect(deadline, y - 2.5, emitted - deadline, 5);
    }
    if (wide < 14) return;
    context.fillStyle = late ? ink.late : ink.ontime;
    context.beginPath();
    context.arc(emitted, y, 3.5, 0, 7);
    context.fill();
    context.fillStyle = ink.ink;
    for (const dash of [-4, 1]) context.fillRect(deadline - 0.75, y + dash, 1.5, 3);
  },

  drawRow(context, { stage, y, high }) {
    const track = high / stage.tracks;
    const inset = stage.tracks > 1 ? 0.5 : 2;
    const filled = new Float64Array(stage.tracks).fill(-1);
    const first = lowerBound(stage.spans, view.from - stage.longest, (span) => span.start);
    for (let i = first; i < stage.spans.length && stage.spans[i].start < view.to; i++) {
      const span = stage.spans[i];
      const number = span.unit.position % stage.tracks;
      const [from, to] = [this.x(span.start), this.x(span.end)];
      const chosen = span.unit === view.selected || span === view.hovered;
      if (to < GUTTER) continue;
      // Bars that fall on a pixel which is already filled cost time and change nothing.
      if (to < filled[number] && !chosen) continue;
      filled[number] = Math.ceil(to);
      const box = [from, y + number * track + inset, Math.max(to - from, 1.5), track - 2 * inset];
      this.drawBar(context, span, box, chosen);
    }
  },

  drawBar(context, span, [x, y, wide, high], chosen) {
    context.fillStyle = span.stage.color;
    context.fillRect(x, y, wide, high);
    if (statusOf(span.unit) === "late") {
      context.fillStyle = ink.late;
      context.fillRect(x, y + high - 3, wide, 3);
    }
    if (chosen) {
      context.strokeStyle = ink.ink;
      context.lineWidth = span === view.hovered ? 2 : 1.25;
      context.strokeRect(x, y, wide, high);
    }
    const label = String(span.unit.unit_index);
    if (high > 10 && wide > label.length * 6 + 6) {
      context.fillStyle = ink["on-stage"];
      context.fillText(label, Math.max(x, GUTTER) + 4, y + high / 2 + 0.5);
    }
  },

  drawDeadlineOfSelected(context) {
    const x = this.x(view.selected.deadline_ms);
    context.save();
    context.strokeStyle = statusOf(view.selected) === "late" ? ink.late : ink.ink;
    context.lineWidth = 1.5;
    context.setLineDash([5, 4]);
    context.beginPath();
    context.moveTo(x, AXIS + UNIT_ROW);
    context.lineTo(x, this.height);
    context.stroke();
    context.restore();
  },

  drawLabels(context) {
    context.fillStyle = ink.soft;
    context.textAlign = "right";
    context.fillText("unit", GUTTER - 8, AXIS + UNIT_ROW / 2);
    context.fillText("to deadline", GUTTER - 8, AXIS + UNIT_ROW + 2 + (AGE_TRACK * AGE_TRACKS) / 2);
    let service = "";
    for (const { stage, y, high } of this.rows) {
      context.textAlign = "right";
      context.fillStyle = ink.ink;
      context.fillText(stage.name, GUTTER - 22, y + high / 2 + 0.5);
      context.fillStyle = stage.color;
      context.fillRect(GUTTER - 16, y + high / 2 - 4, 8, 8);
      if (stage.service !== service) {
        service = stage.service;
        context.save();
        context.textAlign = "left";
        context.font = "600 " + context.font;
        context.fillStyle = ink[service];
        context.fillText(service, 9, y + high / 2 + 0.5);
        context.restore();
      }
    }
  },

  spanAt(x, y) {
    const row = this.rows.find((row) => y >= row.y && y < row.y + row.high);
    if (!row || x < GUTTER) return null;
    const track = clamp(Math.floor(((y - row.y) / row.high) * row.stage.tracks), 0, row.stage.tracks - 1);
    const [from, to] = [this.time(x - 2), this.time(x + 2)];
    const spans = row.stage.spans;
    for (let i = lowerBound(spans, to, (span) => span.start) - 1; i >= 0 && spans[i].start >= from - row.stage.longest; i--) {
      if (spans[i].end >= from && spans[i].unit.position % row.stage.tracks === track) return spans[i];
    }
    return null;
  },

  listen() {
    let grabbed = null;
    this.canvas.addEventListener("pointerdown", (event) => {
      grabbed = { x: event.offsetX, from: view.from, moved: false };
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (grabbed && Math.abs(event.offsetX - grabbed.x) > 3) grabbed.moved = true;
      if (grabbed?.moved) {
        this.canvas.classList.add("moving");
        hideTip();
        setView(grabbed.from - (this.time(event.offsetX) - this.time(grabbed.x)), view.to - view.from);
      } else this.hover(event);
    });
    this.canvas.addEventListener("pointerup", (event) => {
      this.canvas.classList.remove("moving");
      if (grabbed && !grabbed.moved && event.offsetX >= GUTTER) {
        const span = this.spanAt(event.offsetX, event.offsetY);
        select(span ? span.unit : unitAt(this.time(event.offsetX)));
      }
      grabbed = null;
    });
    this.canvas.addEventListener("pointercancel", () => (grabbed = null));
    this.canvas.addEventListener("pointerleave", () => {
      view.hovered = null;
      hideTip();
      redraw();
    });
    this.canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  },

  hover(event) {
    const span = this.spanAt(event.offsetX, event.offsetY);
    if (span !== view.hovered) redraw();
    view.hovered = span;
    if (span) showTip(event, spanTip(span));
    else if (event.offsetX >= GUTTER && event.offsetY < this.rows[0].y) showTip(event, unitTip(unitAt(this.time(event.offsetX))));
    else hideTip();
  },

  wheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoom(Math.exp(event.deltaY * 0.0025), this.time(Math.max(event.offsetX, GUTTER)));
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      setView(view.from + (event.deltaX / (this.width - GUTTER)) * (view.to - view.from), view.to - view.from);
    }
  },
};
