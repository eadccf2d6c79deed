// Where things are on the timeline's canvas, in CSS pixels: labels at the left, the axis above, rows of bars.

export const AXIS_LINE = 26; // where the axis ends
export const AXIS_HEIGHT = 32; // where the rows begin: the name of a low first row needs some air

export class Geometry {
  constructor(camera, width, height, ratio) {
    this.camera = camera;
    this.width = width;
    this.height = height;
    this.ratio = ratio; // device pixels in a CSS pixel
    this.gutter = width < 560 ? Math.round(width * 0.3) : Math.min(280, Math.round(width * 0.24));
    this.chartWidth = Math.max(1, width - this.gutter);
    this.rowsHeight = Math.max(1, height - AXIS_HEIGHT);
  }

  get nsPerPx() {
    return this.camera.span / this.chartWidth;
  }

  x(time) {
    return this.gutter + (time - this.camera.start) / this.nsPerPx;
  }

  time(x) {
    return this.camera.start + (x - this.gutter) * this.nsPerPx;
  }

  rowTop(position) {
    return AXIS_HEIGHT + position * this.camera.rowHeight - this.camera.scroll;
  }

  position(y) {
    return y < AXIS_HEIGHT ? -1 : Math.floor((y - AXIS_HEIGHT + this.camera.scroll) / this.camera.rowHeight);
  }

  // The bar of a row: some air above and below where there is room for it.
  bar(position) {
    const height = this.camera.rowHeight;
    const air = height >= 16 ? 4 : height >= 8 ? 2 : height >= 5 ? 1 : 0;
    return { top: this.rowTop(position) + air, height: Math.max(1, height - 2 * air - (height < 5 ? 1 : 0)) };
  }

  // The first and the last position in view.
  visible(rowCount) {
    const first = Math.floor(this.camera.scroll / this.camera.rowHeight);
    const last = Math.ceil((this.camera.scroll + this.rowsHeight) / this.camera.rowHeight) - 1;
    return [first, Math.min(last, rowCount - 1)];
  }
}
