// Answers each request with what Express and its usual parsers read in it. It
// serves until standard input ends; the first line that it prints is its URL.
import cookieParser from 'cookie-parser'
import express from 'express'
import methodOverride from 'method-override'
import multer from 'multer'
import qs from 'qs'
import querystring from 'node:querystring'

const app = express()
app.set('query parser', 'extended')
app.use(methodOverride('X-HTTP-Method-Override'), methodOverride('X-HTTP-Method'), methodOverride('X-Method-Override'))
app.use(cookieParser())
const keep = { verify: (request, _response, bytes) => { request.raw = bytes } }
const parsers = [express.json(keep), express.urlencoded({ extended: true, ...keep }), multer().none()]
// What a parser refuses, another may still read.
for (const parse of parsers) app.use((request, response, next) => parse(request, response, () => next()))

const record = (area) => (request, response) => {
  const queries = [request.query, querystring.parse(request.url.split('?')[1]), qs.parse(request._parsedUrl?.query ?? '')]
  const search = new URL(request.url, 'http://localhost').searchParams
  const inQuery = (name) => [...queries.map((query) => query[name]), search.getAll(name)]
  const form = request.is('urlencoded') && request.raw ? querystring.parse(String(request.raw)) : {}
  response.json({
    method: request.method,
    areas: [area],
    checked: request.get('X-Checked'),
    identity: [request.headersDistinct['x-customer-id']],
    customers: {
      path: [request.params.customer],
      query: inQuery('customer_id'),
      header: [request.get('X-Customer-Hint'), request.headersDistinct['x-customer-hint']],
      cookie: [request.cookies.customer_id],
      body: [request.body?.customer_id, form.customer_id],
    },
    credentials: [
      request.get('Authorization'), request.get('Proxy-Authorization'), request.get('X-Api-Key'),
      request.cookies.session, ...inQuery('token'),
    ],
  })
}
app.all('/path/:customer', record('path'))
for (const area of ['query', 'header', 'cookie', 'json', 'form']) app.all(`/${area}`, record(area))
for (const area of ['public', 'forward', 'admin']) app.all(`/${area}/*rest`, record(area))
app.use(record(undefined))
app.use((error, _request, response, _next) => response.status(500).end(String(error)))

const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
process.stdin.on('end', () => process.exit()).resume()
