// ws, as its README has it: "sending and receiving text data" and "server broadcast"; and the same for
// those of a topic.
import WebSocket, { WebSocketServer } from 'ws'

const does = process.argv[2]
const topics = new Map()
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
server.on('listening', () => console.log(server.address().port))
server.on('connection', socket => {
  const subscribed = new Set()
  const tell = (clients, data, options) => {
    for (const client of clients) {
      if (client.readyState === WebSocket.OPEN) client.send(data, options)
    }
  }
  socket.on('error', console.error)
  socket.on('message', (data, isBinary) => {
    if (does === 'echo') return socket.send(data, { binary: isBinary })
    if (does === 'broadcast') return tell(server.clients, data, { binary: isBinary })
    const asked = JSON.parse(data)
    if (asked.action === 'subscribe') {
      if (!topics.has(asked.topic)) topics.set(asked.topic, new Set())
      topics.get(asked.topic).add(socket)
      subscribed.add(asked.topic)
    } else {
      tell(topics.get(asked.topic) ?? [], JSON.stringify(asked.message))
    }
  })
  socket.on('close', () => {
    for (const topic of subscribed) topics.get(topic).delete(socket)
  })
})
