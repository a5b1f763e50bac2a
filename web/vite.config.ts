import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Relative paths: the page is served under whatever prefix a proxy gives it. Nothing is inlined as data:,
// which the page's content security policy does not allow.
export default defineConfig({
  base: "./",
  plugins: [react()],
  build: {
    outDir: "dist",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: true,
  },
});
