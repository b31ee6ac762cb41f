// Excel's side of the custom-function protocol in Node: loads functions.js, calls functions, prints answers.
// Arguments: address of the server. Standard input: JSON list of [function, arguments, address].
import vm from "node:vm";
import { readFileSync } from "node:fs";

const base = process.argv[2];
const code = await (await fetch(base + "/functions.js")).text();
const meta = await (await fetch(base + "/functions.json")).json();
class CustomError extends Error {
  constructor(code, message) { super(message); this.code = code; }
}
const codes = {
  nullReference: "#NULL!", divisionByZero: "#DIV/0!", invalidValue: "#VALUE!", invalidReference: "#REF!",
  invalidName: "#NAME?", invalidNumber: "#NUM!", notAvailable: "#N/A",
};
const known = {};
let posts = 0;
const world = {
  console, setTimeout, Promise, JSON, Array, Error, Map,
  fetch: (path, options) => { posts += 1; return fetch(base + path, options); },
  CustomFunctions: { associate: (id, f) => { known[id] = f; }, Error: CustomError, ErrorCode: codes },
};
vm.createContext(world);
vm.runInContext(code, world);
const declared = meta.functions.map((f) => f.id).join();
if (declared !== Object.keys(known).join()) throw new Error("metadata and code disagree");

const calls = JSON.parse(readFileSync(0, "utf8"));
const answers = [];
for (let start = 0; start < calls.length; start += 400) {
  const part = calls.slice(start, start + 400);
  const settled = await Promise.allSettled(
    part.map(([id, args, at]) => known[id](...args, { address: at, parameterAddresses: [at + "!cell"] })));
  answers.push(...settled.map((a) => a.status === "fulfilled"
    ? { value: a.value } : { error: a.reason.code, text: a.reason.message }));
}
console.log(JSON.stringify({ answers, posts }));
