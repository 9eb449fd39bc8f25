// A certified OpenID provider: one client, which may ask for access tokens for
// the resource urn:chat: as a JWT (RFC 9068), or opaque ones for urn:opaque,
// which it may introspect. Argument: the algorithm that signs.
import { exportJWK, generateKeyPair } from 'jose'
import { Provider } from 'oidc-provider'
import { listen } from './listen.mjs'

const alg = process.argv[2]

listen(async (issuer) => {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = { ...await exportJWK(privateKey), alg, use: 'sig' }
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'mobile-app',
      client_secret: 'secret-of-the-mobile-app',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: alg,
    }],
    enabledJWA: { idTokenSigningAlgValues: [alg] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          scope: 'chat:write',
          audience: resource,
          accessTokenFormat: resource === 'urn:chat' ? 'jwt' : 'opaque',
          jwt: { sign: { alg } },
        }),
      },
    },
    jwks: { keys: [jwk] },
  })
  return provider.callback()
})
