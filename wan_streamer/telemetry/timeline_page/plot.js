// Latency by unit: one point a unit and latency, against the targets.

const PLOT_LEFT = 44, PLOT_BOTTOM = 20, PLOT_TOP = 8;

const plot = {
  canvas: document.getElementById("plot"),
  width: 0,
  series: [
    { key: "model_latency_ms", name: "model-side", color: "model", target: data.model_latency_target_ms },
    { key: "capture_to_playout_ms", name: "capture to playout", color: "playout", target: data.capture_to_playout_target_ms },
  ],

  top() {
    const known = this.series.flatMap(({ key }) => units.map((unit) => unit[key])).filter((value) => value !== null).sort((a, b) => a - b);
    const high = known.length ? known[Math.floor((known.length - 1) * 0.999)] : 0;
    return Math.max(data.capture_to_playout_target_ms * 1.2, Math.min(high * 1.08, 2000));
  },

  x(timeMs) {
    return PLOT_LEFT + ((timeMs - firstMs) / (lastMs - firstMs)) * (this.width - PLOT_LEFT);
  },

  time(x) {
    return firstMs + ((x - PLOT_LEFT) / (this.width - PLOT_LEFT)) * (lastMs - firstMs);
  },

  draw() {
    const { context, width, height } = brush(this.canvas);
    this.width = width;
    this.limit ??= this.top();
    const y = (value) => PLOT_TOP + (1 - Math.min(value, this.limit) / this.limit) * (height - PLOT_TOP - PLOT_BOTTOM);
    this.drawGrid(context, width, height, y);
    for (const series of this.series) this.drawPoints(context, series, y);
    context.fillStyle = ink.skipped;
    for (const unit of units) if (unit.outcome === "SKIPPED") context.fillRect(this.x(unit.capture_ms + UNIT_MS / 2) - 1, y(0) - 7, 2, 7);
    for (const series of this.series) this.drawTarget(context, width, series, y);
  },

  drawGrid(context, width, height, y) {
    context.fillStyle = ink.select;
    context.fillRect(this.x(Math.max(view.from, firstMs)), PLOT_TOP, Math.max(this.x(Math.min(view.to, lastMs)) - this.x(Math.max(view.from, firstMs)), 2), y(0) - PLOT_TOP);
    context.fillStyle = ink.ink;
    context.fillRect(this.x(view.selected.capture_ms + UNIT_MS / 2) - 0.5, PLOT_TOP, 1, y(0) - PLOT_TOP);
    const step = this.limit > 1000 ? 500 : 200;
    for (let value = 0; value <= this.limit; value += step) {
      context.fillStyle = ink.line;
      context.fillRect(PLOT_LEFT, Math.round(y(value)), width - PLOT_LEFT, 1);
      context.fillStyle = ink.soft;
      context.textAlign = "right";
      context.fillText(value + (value ? "" : " ms"), PLOT_LEFT - 7, clamp(y(value), 8, height));
    }
    context.textAlign = "center";
    const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((step) => (units.length / step) * 60 < width) || 10000;
    for (const unit of units) {
      if (unit.unit_index % every) continue;
      const x = this.x(unit.capture_ms + UNIT_MS / 2);
      context.fillText((unit.position ? "" : "unit ") + unit.unit_index, Math.min(x, width - 14), height - 8);
    }
  },

  drawTarget(context, width, { name, color, target }, y) {
    context.save();
    context.strokeStyle = ink[color];
    context.lineWidth = 1.25;
    context.setLineDash([6, 4]);
    context.beginPath();
    context.moveTo(PLOT_LEFT, y(target));
    context.lineTo(width, y(target));
    context.stroke();
    context.restore();
    const label = `${target} ms ${name}`;
    context.textAlign = "right";
    context.fillStyle = ink.panel;
    context.globalAlpha = 0.8;
    context.fillRect(width - context.measureText(label).width - 6, y(target) - 15, context.measureText(label).width + 6, 13);
    context.globalAlpha = 1;
    context.fillStyle = ink[color];
    context.fillText(label, width - 3, y(target) - 8);
  },

  drawPoints(context, { key, color, target }, y) {
    const size = clamp(((this.width - PLOT_LEFT) / units.length) * 0.3, 1, 3);
    for (const unit of units) {
      if (unit[key] === null) continue;
      const over = unit[key] > target;
      context.beginPath();
      context.arc(this.x(unit.capture_ms + UNIT_MS / 2), y(unit[key]), over ? size + 0.5 : size, 0, 7);
      context.fillStyle = ink[color];
      context.fill();
      if (!over) continue;
      context.beginPath();
      context.arc(this.x(unit.capture_ms + UNIT_MS / 2), y(unit[key]), size + 2, 0, 7);
      context.strokeStyle = ink.late;
      context.lineWidth = 1.75;
      context.stroke();
    }
  },

  listen() {
    this.canvas.addEventListener("pointerdown", (event) => {
      const unit = unitAt(this.time(event.offsetX));
      select(unit);
      moveTo(unit.capture_ms + UNIT_MS / 2);
    });
    this.canvas.addEventListener("pointermove", (event) => showTip(event, unitTip(unitAt(this.time(event.offsetX)))));
    this.canvas.addEventListener("pointerleave", hideTip);
  },
};
