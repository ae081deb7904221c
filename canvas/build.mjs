/* The canvas, a script and a sheet, and the editor of texts, a script, into static/built/: node build.mjs. They come on different
   pages, and share no library. Notices of the libraries stay in them. */

import { readFileSync, writeFileSync } from "node:fs";
import { constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const told = await build({
  entryPoints: { canvas: "src/index.tsx", code: "src/code/index.ts" },
  outdir: "../static/built",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "eof",
  metafile: true,
  logLevel: "warning",
});
for (const [name, file] of Object.entries(told.metafile.outputs)) {
  const packed = gzipSync(readFileSync(name), { level: constants.Z_BEST_COMPRESSION });
  writeFileSync(`${name}.gz`, packed); // which is sent to whoever takes it
  console.log(`${name.replace("../", "")}: ${Math.ceil(file.bytes / 1000)} kB, ${Math.ceil(packed.length / 1000)} as sent`);
}
