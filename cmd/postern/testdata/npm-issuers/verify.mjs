// A backend that verifies identity assertions with jose, as README.md shows it.
// Arguments: the URL of the keys, the issuer, the audience. Each line of
// standard input is an assertion; each line of standard output is its claims,
// or the code of what is wrong with it.
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { createInterface } from 'node:readline'

const [keys, issuer, audience] = process.argv.slice(2)
const jwks = createRemoteJWKSet(new URL(keys))

for await (const assertion of createInterface({ input: process.stdin })) {
  try {
    const { payload } = await jwtVerify(assertion, jwks, { issuer, audience })
    console.log(JSON.stringify(payload))
  } catch (e) {
    console.log(JSON.stringify(e.code))
  }
}
