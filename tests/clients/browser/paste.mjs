// Runs each line of its input in a page's console, and prints what the page logs there.

import { createInterface } from 'node:readline';
import { browse } from './browse.mjs';

const [home] = process.argv.slice(2);
const page = await browse(home);
page.on('console', (message) => message.type() === 'log' && console.log(message.text()));

for await (const line of createInterface({ input: process.stdin })) {
  await page.evaluate(line);
}
await page.context().browser().close();
