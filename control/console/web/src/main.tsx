// Start: texts, then the page. Only what the first screen needs is in the first load.
import "./styles/mantine.css";
import "./styles/tokens.css";
import "./styles/base.css";

import { createRoot } from "react-dom/client";

import { App } from "./app";
import { startTexts } from "./i18n";
import { boot } from "./session/session";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
await startTexts();
createRoot(root).render(<App />);
void boot();
