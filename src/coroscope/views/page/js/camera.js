// The part of the timeline that is in view: a window of time and a distance scrolled over the rows.

const NARROWEST_NS = 200;
const ROW_HEIGHTS = [3, 4, 5, 6, 8, 10, 12, 16, 22, 28, 36];
const COMFORTABLE_ROW = 22;

export class Camera {
  constructor(duration) {
    this.duration = duration;
    this.rowHeight = COMFORTABLE_ROW;
    this.scroll = 0;
    this.fit();
  }

  get span() {
    return this.end - this.start;
  }

  fit() {
    this.start = 0;
    this.end = this.duration;
  }

  show(start, end) {
    const span = Math.min(this.duration, Math.max(Math.min(NARROWEST_NS, this.duration), end - start));
    const middle = (start + end) / 2;
    this.start = Math.min(Math.max(0, middle - span / 2), this.duration - span);
    this.end = this.start + span;
  }

  // `time` keeps its place on the screen.
  zoom(factor, time) {
    const span = Math.min(this.duration, Math.max(Math.min(NARROWEST_NS, this.duration), this.span * factor));
    const start = time - ((time - this.start) / this.span) * span;
    this.show(start, start + span);
  }

  pan(ns) {
    this.show(this.start + ns, this.end + ns);
  }

  // Not a move if the moment is in the middle four fifths already.
  reveal(time) {
    const margin = this.span / 10;
    if (time < this.start + margin || time > this.end - margin) this.pan(time - (this.start + this.end) / 2);
  }

  scrollBy(px, rows, height) {
    this.scroll = Math.min(Math.max(0, this.scroll + px), Math.max(0, rows * this.rowHeight - height));
  }

  // The least scrolling for a neighbour; a row that is far off comes into the middle.
  revealRow(position, rows, height) {
    const top = position * this.rowHeight;
    const above = this.scroll - top;
    const below = top + this.rowHeight - this.scroll - height;
    if (Math.max(above, below) > 2 * this.rowHeight) this.scroll = top - height / 2;
    else if (above > 0) this.scroll = top;
    else if (below > 0) this.scroll += below;
    this.scrollBy(0, rows, height);
  }

  // All rows in view, so that the shape of the whole run is seen at once; where they would be lower than `least`, readable
  // ones.
  fittingRow(rows, height, least) {
    return ROW_HEIGHTS.filter((px) => px >= least && px <= COMFORTABLE_ROW && px * rows <= height).at(-1) ?? COMFORTABLE_ROW;
  }

  setRowHeight(px) {
    if (ROW_HEIGHTS.includes(px)) this.rowHeight = px;
  }

  makeRowsReadable() {
    if (this.rowHeight >= COMFORTABLE_ROW) return;
    this.scroll *= COMFORTABLE_ROW / this.rowHeight;
    this.rowHeight = COMFORTABLE_ROW;
  }

  changeRowHeight(by, rows, height) {
    const at = ROW_HEIGHTS.indexOf(this.rowHeight) + by;
    const wanted = ROW_HEIGHTS[Math.min(Math.max(0, at), ROW_HEIGHTS.length - 1)];
    this.scroll *= wanted / this.rowHeight;
    this.rowHeight = wanted;
    this.scrollBy(0, rows, height);
  }
}
