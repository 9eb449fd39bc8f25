// A backend of ws under /ws and of socket.io: each says back what it hears. It
// prints its port, and how each websocket of ws ended.
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { WebSocketServer } from 'ws'

const http = createServer((_, response) => response.end('ok'))
const io = new Server(http, { path: '/socket.io/' })
io.on('connection', (socket) => {
  const customer = socket.handshake.headers['x-customer-id'] ?? ''
  socket.on('say', (text, answer) => answer(customer + ' ' + socket.conn.transport.name + ' ' + text))
})
const ws = new WebSocketServer({ noServer: true, perMessageDeflate: true })
http.on('upgrade', (request, socket, head) => {
  if (request.url.startsWith('/socket.io/')) return
  ws.handleUpgrade(request, socket, head, (connection) => {
    connection.on('message', (data, binary) => connection.send(binary ? data : request.headers['x-customer-id'] + ' ' + data, { binary }))
    connection.on('ping', () => console.log('ping'))
    connection.on('close', (code, reason) => console.log('closed', code, String(reason)))
    connection.on('error', (error) => console.log('error', error.message))
  })
})
http.listen(0, '127.0.0.1', () => console.log('port', http.address().port))
