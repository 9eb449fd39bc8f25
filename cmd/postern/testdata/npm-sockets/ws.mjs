// Says a short and a long text and some bytes, pings, and waits to be closed.
import WebSocket from 'ws'

const [, , url, authorization] = process.argv
const socket = new WebSocket(url, { headers: { authorization } })
const heard = []
socket.on('open', () => {
  socket.send('hello')
  socket.send('x'.repeat(300000))
  socket.send(Buffer.alloc(70000))
  socket.ping()
})
socket.on('message', (data, binary) => heard.push((binary ? 'bytes ' : '') + (data.length > 100 ? data.length : data)))
socket.on('pong', () => heard.push('pong'))
socket.on('unexpected-response', (_, response) => { console.log(JSON.stringify({ status: response.statusCode })); process.exit() })
socket.on('close', (code, reason) => console.log(JSON.stringify({ heard, code, reason: String(reason) })))
