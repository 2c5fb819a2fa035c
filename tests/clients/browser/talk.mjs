// Sends each line of its input as a frame from a page, and prints each frame that comes.

import { createInterface } from 'node:readline';
import { browse } from './browse.mjs';

const [home, url, ...subprotocols] = process.argv.slice(2);
const page = await browse(home);

await page.evaluate(([url, subprotocols]) => {
  const socket = new WebSocket(url, subprotocols);
  socket.onmessage = ({ data }) => print(data);
  const opened = new Promise((resolve) => {
    socket.onopen = () => {
      print(`open protocol="${socket.protocol}" extensions="${socket.extensions}"`);
      resolve();
    };
    socket.onclose = ({ code }) => {
      print(`closed ${code}`);
      resolve();
    };
  });
  globalThis.socket = socket;
  return opened;
}, [url, subprotocols]);

for await (const line of createInterface({ input: process.stdin })) {
  await page.evaluate((line) => socket.send(line), line);
}
await page.evaluate(() => socket.close());
await page.context().browser().close();
