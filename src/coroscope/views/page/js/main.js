import { Comparison } from "./comparison.js";
import { byId } from "./dom.js";
import { count, moment } from "./format.js";
import { HashLink } from "./hash.js";
import { fillHeader } from "./header.js";
import { listenToKeys } from "./keys.js";
import { loadData } from "./load.js";
import { Minimap } from "./minimap.js";
import { Model } from "./model.js";
import { Panel } from "./panel.js";
import { Pointer } from "./pointer.js";
import { Rows } from "./rows.js";
import { Search } from "./search.js";
import { Strips } from "./strips.js";
import { Table } from "./table.js";
import { Theme } from "./theme.js";
import { Timeline } from "./timeline.js";
import { Tooltip } from "./tooltip.js";
import { View } from "./view.js";
import { asksForSteps } from "./views.js";

async function start() {
  const theme = new Theme();
  const data = byId("data");
  const model = new Model(await loadData(data.textContent));
  data.remove();
  const view = new View(model);
  theme.onChange = () => view.changed();
  const timeline = new Timeline(byId("timeline"), view, theme);
  const strips = new Strips(view, theme);
  const minimap = new Minimap(byId("minimap"), view, theme);
  const panel = new Panel(model, view);
  const search = new Search(view);
  const rows = new Rows(model, view);
  const table = new Table(model, view);
  const comparison = new Comparison(model, view);
  const link = new HashLink(model, view);
  fillHeader(model);
  byId("minimap").setAttribute("aria-label", minimap.describe());
  byId("timeline").setAttribute("aria-label", `Timeline of ${count(model.count, model.rowNoun)}, one below the other`);
  new Pointer(timeline, view, new Tooltip(model));
  listenToKeys(view, search, table);
  listenToButtons(view, theme);
  timeline.resize(); // what stands above it has its height only now
  link.restore();
  view.onChange(() => {
    timeline.draw();
    strips.draw();
    minimap.draw();
    panel.update();
    search.update();
    rows.update();
    table.update();
    comparison.update();
    showWindow(view);
    link.update();
  });
  // For the console: what the page knows and where it draws it.
  globalThis.coroscope = { model, view, timeline, minimap, theme };
  requestAnimationFrame(() => (document.documentElement.dataset.state = "ready")); // after the first drawing
}

function listenToButtons(view, theme) {
  const middle = () => (view.camera.start + view.camera.end) / 2;
  const onClick = (id, action) =>
    byId(id).addEventListener("click", () => {
      action();
      view.changed();
    });
  const changeRows = (by) => view.camera.changeRowHeight(by, view.rowCount, view.rowsHeight);
  onClick("fit", () => view.fit());
  onClick("lower-rows", () => changeRows(-1));
  onClick("higher-rows", () => changeRows(1));
  onClick("zoom-in", () => view.camera.zoom(0.5, middle()));
  onClick("zoom-out", () => view.camera.zoom(2, middle()));
  onClick("theme", () => theme.toggle());
  onClick("open-help", () => byId("help").showModal());
}

function showWindow(view) {
  const { start, end, span } = view.camera;
  const step = Math.max(1, span / 1000);
  byId("window").textContent = `${moment(start, step)} – ${moment(end, step)}`;
}

if (!asksForSteps()) start().catch((error) => {
  document.documentElement.dataset.state = "failed";
  byId("failure").hidden = false;
  byId("failure").textContent = `This page could not be shown: ${error.message}. A current Chrome, Edge, Firefox or Safari is needed.`;
  throw error;
});
