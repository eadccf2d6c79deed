import { byId } from "../dom.js";
import { Theme } from "../theme.js";
import { asksForSteps, showOtherView } from "../views.js";
import { linkObjects } from "./chips.js";
import { readColumns } from "./columns.js";
import { Controls } from "./controls.js";
import { StepLink } from "./link.js";
import { DepthOverview } from "./overview.js";
import { Recording } from "./recording.js";
import { StepView } from "./view.js";
import { visible } from "./words.js";

async function start() {
  const theme = new Theme();
  byId("theme").addEventListener("click", () => theme.toggle());
  byId("open-help").addEventListener("click", () => byId("help").showModal());
  const recording = new Recording(await readColumns(byId("data").textContent));
  byId("data").remove();
  const { facts } = recording;
  byId("command").textContent = visible(facts.title.replace(/ · coroscope step$/, ""));
  document.title = facts.title;
  showNotes(facts);
  if (!recording.count) throw new Error("no step was recorded");
  recording.stateAt(recording.count - 1); // so that no later step has to find the states on the way
  const view = new StepView(recording);
  const controls = new Controls(view);
  const link = new StepLink(view);
  view.onChange = () => {
    controls.update();
    link.update();
  };
  linkObjects(document.body);
  link.restore();
  const overview = new DepthOverview(recording, theme);
  theme.onChange = () => overview.draw();
  globalThis.coroscope = { recording, view, controls };
  document.documentElement.dataset.state = "ready";
}

function showNotes(facts) {
  const notes = [facts.isSymbolic, facts.cut, ...facts.notes].filter(Boolean);
  byId("cut").hidden = !notes.length;
  byId("cut").textContent = notes.map((note) => visible(note)).join(" · ");
}

const isBesideTimeline = byId("other-view") !== null;
if (asksForSteps()) showOtherView();
if (!isBesideTimeline || asksForSteps()) start().catch((error) => {
  document.documentElement.dataset.state = "failed";
  byId("failure").hidden = false;
  byId("failure").textContent = `This page could not be shown: ${error.message}. A current Chrome, Edge, Firefox or Safari is needed.`;
  throw error;
});
