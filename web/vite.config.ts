import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** The entry asks for the rest of the page by a dynamic import; this has the browser fetch it beside the entry. */
function preloadStart(): Plugin {
  return {
    name: "preload-start",
    transformIndexHtml: {
      order: "post",
      handler: (_, { bundle }) => {
        const chunks = Object.values(bundle ?? {}).filter((one) => one.type === "chunk");
        const start = chunks.find((one) => one.facadeModuleId?.endsWith("/src/start.tsx"));
        const loaded = new Set(
          chunks.filter((one) => one.isEntry).flatMap((one) => [one.fileName, ...one.imports]),
        );
        const wanted = start ? [start.fileName, ...start.imports].filter((file) => !loaded.has(file)) : [];
        return wanted.map((file) => ({
          tag: "link",
          attrs: { rel: "modulepreload", crossorigin: true, href: `./${file}` },
          injectTo: "head" as const,
        }));
      },
    },
  };
}

/** Each file a second time, compressed: the service sends these as they are (src/stepwell/service/page.py). */
function compressOnce(): Plugin {
  return {
    name: "compress-once",
    apply: "build",
    writeBundle: ({ dir }) => {
      const assets = join(dir ?? "dist", "assets");
      for (const name of readdirSync(assets)) {
        if (!/\.(js|css|svg)$/.test(name)) continue;
        const path = join(assets, name);
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
      }
    },
  };
}

// What several views share comes in one file: each is a request, and a first chart waits for all of them. What the entry
// itself needs stays in the entry's, which is to be here first.
const SHARED = [
  /src[\\/](address|api|format|parts|theme)[\\/]/,
  /src[\\/](charts[\\/](axis|cursor|curve|ink|lit|moment|pump|series|shown|ticks)|views[\\/]use[A-Z]\w+)\.ts$/,
  /node_modules[\\/](@tanstack[\\/](query-core|react-query)|use-sync-external-store)[\\/]/,
  /node_modules[\\/]react-dom[\\/](?!.*client)/,
];
// A run's page and its charts, which most visits come for: one file instead of three.
const RUN = [
  /src[\\/]views[\\/](RunPage|RunHead|RunEdit|Tabs|usePinned|Charts|ChartGroup|ChartTools|CompareWith|LargeCard|Legend|useCards)\.tsx?$/,
  /src[\\/](charts[\\/](cards|choose|first|store|CardHead|LegendTable|LineChart|Spoken)|api[\\/]live)\.tsx?$/,
  /src[\\/]styles[\\/](run|card|charts|large|legend)\.css$/,
];
const GROUPS = [
  { name: "first", tags: ["$initial" as const], priority: 1 },
  { name: "shared", test: new RegExp(SHARED.map((one) => one.source).join("|")), minShareCount: 2 },
  {
    name: "run",
    test: new RegExp(RUN.map((one) => one.source).join("|")),
    includeDependenciesRecursively: false,
  },
];

// Relative paths: the page is served under whatever prefix a proxy gives it. Nothing is inlined as data:,
// which the page's content security policy does not allow. The manifest says what is loaded with what: the sizes that
// tests/unit/service/test_page_sizes.py holds are of it.
export default defineConfig({
  base: "./",
  plugins: [react(), preloadStart(), compressOnce()],
  build: {
    outDir: "dist",
    assetsInlineLimit: 0,
    manifest: "manifest.json",
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: true,
    rolldownOptions: { output: { codeSplitting: { groups: GROUPS } } },
  },
});
