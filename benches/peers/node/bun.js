// Bun's own WebSockets, as its documentation has them, with `publish`.
const isBroadcast = process.argv[2] === 'broadcast'
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
      if (isBroadcast) socket.subscribe('everybody')
    },
    message(socket, message) {
      if (isBroadcast) server.publish('everybody', message)
      else socket.send(message)
    }
  }
})
console.log(server.port)
