// Subscribes to the heartbeat, and prints each beat.

import WebSocket from 'ws';

const [url, subscriptionId, replyTo] = process.argv.slice(2);
const socket = new WebSocket(url);

socket.on('open', () => socket.send(JSON.stringify({ subscriptionId, replyTo })));
socket.on('message', (frame) => console.log(frame.toString()));
