// Serves a handler on a free port of loopback until standard input ends, which
// it does with the test, however that ends. The first line of standard output
// is the issuer's URL.
import { createServer } from 'node:http'

export const listen = (handlerOf) => {
  const server = createServer().listen(0, '127.0.0.1', async () => {
    const url = `http://127.0.0.1:${server.address().port}`
    server.on('request', await handlerOf(url))
    console.log(url)
  })
  process.stdin.on('end', () => process.exit()).resume()
}
