// How the console is built: one small first load; the call (livekit-client) and the waveform come when they are needed.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Where `npm run dev` sends the API: the control process or the fake of dev/fake-server.mjs.
const API = "http://127.0.0.1:8090";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 700,
    sourcemap: false,
  },
  server: {
    port: 5173,
    proxy: {
      "/api": { target: API, ws: true },
      "/fake": { target: API },
    },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
