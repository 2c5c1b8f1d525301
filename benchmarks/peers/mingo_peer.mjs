// mingo: MongoDB's language over arrays in Node.  node mingo_peer.mjs STAGES INPUT OUTPUT FOLDER_OF_NODE_MODULES
import { readFileSync, openSync, writeSync, closeSync } from "node:fs";
import { createRequire } from "node:module";

const [stages, source, target, folder] = process.argv.slice(2);
const { aggregate } = createRequire(`${folder}/`)("mingo");
const documents = readFileSync(source, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
const output = openSync(target, "w");
let block = [];
for (const row of aggregate(documents, JSON.parse(stages))) {
  block.push(JSON.stringify(row));
  if (block.length === 1000) {
    writeSync(output, `${block.join("\n")}\n`);
    block = [];
  }
}
if (block.length) writeSync(output, `${block.join("\n")}\n`);
closeSync(output);
