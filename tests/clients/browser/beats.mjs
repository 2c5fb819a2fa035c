// Subscribes to the heartbeat from a page, and prints each beat.

import { browse } from './browse.mjs';

const [home, ...subscription] = process.argv.slice(2);
const page = await browse(home);

await page.evaluate(([url, subscriptionId, replyTo]) => {
  const socket = new WebSocket(url);
  socket.onopen = () => socket.send(JSON.stringify({ subscriptionId, replyTo }));
  socket.onmessage = ({ data }) => print(data);
}, subscription);
