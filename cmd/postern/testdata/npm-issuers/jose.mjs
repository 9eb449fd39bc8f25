// An issuer made of jose: GET /jwks is its key set, POST /sign signs the claims
// in the body with the newest key, POST /rotate adds a key, and POST /retire
// leaves only the newest. Argument: the algorithm.
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { json } from 'node:stream/consumers'
import { listen } from './listen.mjs'

const alg = process.argv[2]
let keys = []

const rotate = async () => {
  const { publicKey, privateKey } = await generateKeyPair(alg)
  const jwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  keys = [{ kid, privateKey, jwk: { ...jwk, kid, alg, use: 'sig' } }, ...keys]
  return kid
}

const actions = {
  'GET /jwks': () => ({ keys: keys.map(({ jwk }) => jwk) }),
  'POST /sign': async (request) => {
    const [{ kid, privateKey }] = keys
    return new SignJWT(await json(request)).setProtectedHeader({ alg, kid, typ: 'JWT' }).sign(privateKey)
  },
  'POST /rotate': rotate,
  'POST /retire': () => { keys = keys.slice(0, 1) },
}

listen(async () => {
  await rotate()
  return async (request, response) => {
    const answer = await actions[`${request.method} ${request.url}`](request)
    response.setHeader('Content-Type', 'application/json')
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
  }
})
