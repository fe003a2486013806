// Renders SVGs, in a folder whose node_modules has @resvg/resvg-js:
//     node render_svgs.js < svgs.json > pngs.json
// Both are objects by name, of SVGs and of PNGs in base64. Of the machine's
// fonts none is used.
const fs = require("fs");
const path = require("path");
const { Resvg } = require(path.resolve("node_modules/@resvg/resvg-js"));

const options = { font: { loadSystemFonts: false } };
const pngs = {};
for (const [name, svg] of Object.entries(JSON.parse(fs.readFileSync(0)))) {
  pngs[name] = new Resvg(svg, options).render().asPng().toString("base64");
}
process.stdout.write(JSON.stringify(pngs));
