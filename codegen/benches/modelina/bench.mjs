// Times Modelina's Rust models of AsyncAPI documents: `node bench.mjs ROUNDS DOCUMENT...`
//
// Prints JSON: milliseconds to load the library, and of each round over all documents.

import { readFileSync } from 'node:fs';

const [rounds, ...documents] = process.argv.slice(2);
const begin = performance.now();
const { RustGenerator, RUST_COMMON_PRESET } = await import('@asyncapi/modelina');
const { load } = await import('js-yaml');
const loaded = performance.now() - begin;

const texts = documents.map((document) => readFileSync(document, 'utf8'));
const times = [];
let lines = 0;
let models = 0;
for (let round = 0; round < Number(rounds); round += 1) {
  const started = performance.now();
  lines = 0;
  models = 0;
  for (const text of texts) {
    const generator = new RustGenerator({ presets: [RUST_COMMON_PRESET] });
    for (const model of await generator.generate(load(text))) {
      lines += model.result.split('\n').length;
      models += 1;
    }
  }
  times.push(performance.now() - started);
}
console.log(JSON.stringify({ loaded, times, lines, models }));
