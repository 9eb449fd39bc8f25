// Signs in with a custom token and sends a support message, with Tiledesk's own
// client. Arguments: the API's URL, the project, the token, the request's id and
// the message. Prints what the client hands to its caller.
import tiledesk from '@tiledesk/tiledesk-client'

const { TiledeskClient } = tiledesk
const [APIURL, projectId, token, requestId, message] = process.argv.slice(2)
const APIKEY = 'unused'

const call = (start) => new Promise((resolve) => start((error, result) =>
  resolve(error ? { status: error.response?.status, refusal: error.response?.data } : { result })))

const signIn = await call((done) => TiledeskClient.customAuthentication(token, APIKEY, { APIURL }, done))
const client = new TiledeskClient({ APIKEY, APIURL, projectId, token: signIn.result?.token ?? token })
const sent = await call((done) => client.sendSupportMessage(requestId, JSON.parse(message), done))
console.log(JSON.stringify({ signIn, sent }))
