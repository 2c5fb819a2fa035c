// Sends each line of its input as a frame, and prints each frame that comes.

import { createInterface } from 'node:readline';
import WebSocket from 'ws';

const [url, ...subprotocols] = process.argv.slice(2);
const socket = new WebSocket(url, subprotocols);

socket.on('open', () => {
  console.log(`open protocol="${socket.protocol}" extensions="${socket.extensions}"`);
  createInterface({ input: process.stdin })
    .on('line', (line) => socket.send(line))
    .on('close', () => socket.close());
});
socket.on('message', (frame, isBinary) => console.log(isBinary ? 'binary' : frame.toString()));
socket.on('unexpected-response', (_request, response) => {
  console.log(`refused ${response.statusCode}`);
  process.exit();
});
socket.on('close', (code) => {
  console.log(`closed ${code}`);
  process.exit();
});
