// Draws Graphviz's DOT as SVG: from `{path: dot}` on the standard input to `{path: svg}` on the standard output.
import { readFileSync, writeSync } from "node:fs";
import { instance } from "@viz-js/viz";

const viz = await instance();
const drawn = Object.entries(JSON.parse(readFileSync(0, "utf8"))).map(([path, dot]) => {
  const svg = viz.renderString(dot, { format: "svg", engine: "dot" });
  return [path, svg.slice(svg.indexOf("<svg"))];
});
writeSync(1, JSON.stringify(Object.fromEntries(drawn)));
