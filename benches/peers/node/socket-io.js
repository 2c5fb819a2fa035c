// Socket.IO, as its documentation has it, over WebSockets alone.
import { Server } from 'socket.io'
import { createServer } from 'node:http'

const isBroadcast = process.argv[2] === 'broadcast'
const http = createServer()
const io = new Server(http, { transports: ['websocket'] })
io.on('connection', socket => {
  socket.on('message', text => (isBroadcast ? io : socket).emit('message', text))
})
http.listen(0, '127.0.0.1', () => console.log(http.address().port))
