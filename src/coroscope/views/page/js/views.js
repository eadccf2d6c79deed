import { byId } from "./dom.js";

// Two views may be in one page, the timeline and the steps of the same run: the address says which is shown. To go to the
// other one, the page loads anew, so that neither knows anything of the other.

// Whether the address asks for the steps, and the page has them beside a timeline.
export function asksForSteps() {
  return byId("other-view") !== null && new URLSearchParams(location.hash.slice(1)).has("step");
}

// Put the other view in the place of the page's own.
export function showOtherView() {
  const data = byId("other-data");
  const view = byId("other-view");
  document.body.replaceChildren(view.content, view, data);
  document.body.className = "steps";
  data.id = "data";
}

// The address has changed to one of the other view. What the reader has chosen of the look stays.
export function changeView() {
  const { theme } = document.documentElement.dataset;
  const isSystems = matchMedia("(prefers-color-scheme: dark)").matches === (theme === "dark");
  history.replaceState(isSystems ? null : { theme }, "");
  location.reload();
}
