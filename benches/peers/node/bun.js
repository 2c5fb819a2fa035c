// Bun's own WebSockets, as its documentation has them, with `publish`.
const does = process.argv[2]
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch(request, server) {
    if (server.upgrade(request)) return
    return new Response('expected a WebSocket', { status: 400 })
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      if (does === 'broadcast') socket.subscribe('everybody')
    },
    message(socket, message) {
      if (does === 'echo') return socket.send(message)
      if (does === 'broadcast') return server.publish('everybody', message)
      const asked = JSON.parse(message)
      if (asked.action === 'subscribe') socket.subscribe(asked.topic)
      else server.publish(asked.topic, JSON.stringify(asked.message))
    }
  }
})
console.log(server.port)
