// ws, as its README has it: "sending and receiving text data" and "server broadcast".
import WebSocket, { WebSocketServer } from 'ws'

const isBroadcast = process.argv[2] === 'broadcast'
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
server.on('listening', () => console.log(server.address().port))
server.on('connection', socket => {
  socket.on('error', console.error)
  socket.on('message', (data, isBinary) => {
    if (!isBroadcast) return socket.send(data, { binary: isBinary })
    for (const client of server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary })
    }
  })
})
