// Draws Graphviz's DOT as SVG: from `{path: dot}` on the standard input to `{path: svg}` on the standard output.
import { readFileSync, writeSync } from "node:fs";
import { instance } from "@viz-js/viz";

const viz = await instance();

// The paper gets round corners, so that the picture stands well on a dark page.
const ROUND = '<rect fill="white" rx="12" ';
const rounded = (svg) =>
  svg.replace(/<polygon fill="white" stroke="none" points="(\S+),(\S+) \S+ \S+,(\S+) (\S+),\S+ \S+"\/>/, (_, left, bottom, top, right) =>
    `${ROUND}x="${left}" y="${top}" width="${right - left}" height="${bottom - top}"/>`);

const FONTS = `font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"`;

const drawn = Object.entries(JSON.parse(readFileSync(0, "utf8"))).map(([path, dot]) => {
  const svg = viz.renderString(dot, { format: "svg", engine: "dot" });
  return [path, rounded(svg.slice(svg.indexOf("<svg"))).replaceAll('font-family="Courier,monospace"', FONTS)];
});
writeSync(1, JSON.stringify(Object.fromEntries(drawn)));
