// The strip of all units: one bar a unit, or one bar a pixel with the worst outcome in it.

const strip = {
  canvas: document.getElementById("strip"),
  width: 0,
  rank: { ontime: 0, late: 1, skipped: 2 },

  x(timeMs) {
    return ((timeMs - firstMs) / (lastMs - firstMs)) * this.width;
  },

  time(x) {
    return firstMs + (x / this.width) * (lastMs - firstMs);
  },

  draw() {
    const { context, width, height } = brush(this.canvas);
    this.width = width;
    const base = height - 10;
    context.fillStyle = ink.faint;
    context.fillRect(0, base, width, 1);
    for (const column of this.columns()) this.drawColumn(context, column, base);
    this.drawWindow(context, width, height);
  },

  // Units that share a pixel become one column.
  columns() {
    const wide = Math.max(1, this.x(units[0].capture_ms + UNIT_MS) - this.x(units[0].capture_ms) - 1);
    const columns = [];
    for (const unit of units) {
      const x = wide > 2 ? this.x(unit.capture_ms) : Math.floor(this.x(unit.capture_ms));
      const last = columns[columns.length - 1];
      if (last && last.x === x) {
        if (this.rank[statusOf(unit)] > this.rank[last.status]) last.status = statusOf(unit);
        last.lost ||= lostMedia(unit);
      } else columns.push({ x, wide: Math.max(wide, 1), status: statusOf(unit), lost: lostMedia(unit) });
    }
    return columns;
  },

  drawColumn(context, { x, wide, status, lost }, base) {
    const high = status === "ontime" ? base * 0.45 : base - 3;
    if (status === "skipped" && wide > 3) {
      hatch(context, x, base - high, wide, high, ink.skipped);
      context.strokeStyle = ink.skipped;
      context.strokeRect(x + 0.5, base - high + 0.5, wide - 1, high - 1);
    } else {
      context.fillStyle = ink[status];
      context.fillRect(x, base - high, status === "ontime" ? wide : Math.max(wide, 2), high);
    }
    if (lost) {
      const half = clamp(wide / 2, 1.5, 4);
      const middle = x + wide / 2;
      context.fillStyle = ink.lost;
      context.beginPath();
      context.moveTo(middle - half, base + 5);
      context.lineTo(middle, base + 5 - half);
      context.lineTo(middle + half, base + 5);
      context.lineTo(middle, base + 5 + half);
      context.fill();
    }
  },

  drawWindow(context, width, height) {
    const from = clamp(this.x(view.from), 0, width);
    const to = Math.max(clamp(this.x(view.to), 0, width), from + 3);
    context.fillStyle = ink.shade;
    context.fillRect(0, 0, from, height);
    context.fillRect(to, 0, width - to, height);
    context.strokeStyle = ink.accent;
    context.lineWidth = 1.5;
    context.strokeRect(from + 0.75, 0.75, Math.max(to - from - 1.5, 1), height - 1.5);
    const selected = this.x(view.selected.capture_ms + UNIT_MS / 2);
    context.fillStyle = ink.ink;
    context.beginPath();
    context.moveTo(selected - 4, 0);
    context.lineTo(selected + 4, 0);
    context.lineTo(selected, 6);
    context.fill();
  },

  listen() {
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      const unit = unitAt(this.time(event.offsetX));
      select(unit);
      moveTo(unit.capture_ms + UNIT_MS / 2);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.buttons) moveTo(this.time(event.offsetX));
      const unit = unitAt(this.time(event.offsetX));
      showTip(event, unitTip(unit));
    });
    this.canvas.addEventListener("pointerleave", hideTip);
  },
};
