// Says something by each transport: long polling, and a websocket that it
// becomes.
import { io } from 'socket.io-client'

const [, , url, authorization] = process.argv
const extraHeaders = { authorization }
const say = (transports) => new Promise((resolve, reject) => {
  const socket = io(url, { transports, extraHeaders, reconnection: false, forceNew: true })
  const done = () => socket.emit('say', 'hello', (answer) => { socket.close(); resolve(answer) })
  socket.on('connect', () => {
    // The transport may have changed before the namespace was joined.
    const { engine } = socket.io
    if (engine.transport.name === transports.at(-1)) done()
    else engine.on('upgrade', done)
  })
  socket.on('connect_error', (error) => reject(error))
})
try {
  console.log(JSON.stringify([await say(['polling']), await say(['websocket']), await say(['polling', 'websocket'])]))
} catch (error) {
  console.log(JSON.stringify([error.message]))
}
