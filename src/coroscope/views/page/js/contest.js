import { byId } from "./dom.js";
import { Theme } from "./theme.js";

const theme = new Theme();
byId("theme").addEventListener("click", () => theme.toggle());
document.documentElement.dataset.state = "ready";
