package main

// policyTestHelp is the manual of policy test files.
const policyTestHelp = `Run policy test files: requests with their credentials, and what must come of them. The gate of serve decides,
without a network. Credentials are made with throw-away keys in the place of the configured ones, so that
neither secrets nor their files are needed. What no case has tried is listed at the end.

  config: postern.yaml                # relative to this file
  at: 2026-11-01T12:00:00Z            # the clock, also of a single case; now where it is left out
  cases:
    - name: a customer reads his own inbox
      request: POST /webxp/projects/acme/appinbox/fetch      # a whole URL gives the Host, too
      headers: { X-Request-Id: mine }                        # a value, or a list of them
      json: { customer_ids: { registered: ada } }            # or form: {…}, or body: any text
      credentials:                                           # none is anonymous
        customer-token: { claims: { sub: { registered: ada } } }
      expect:
        decision: allow                                      # or deny, or report_deny
        route: app-inbox
        authenticator: customer-token
        headers: { X-Auth-Level: customer }                  # as the upstream receives them
        absent: [Authorization]

    - name: his token has ended
      request: POST /webxp/projects/acme/appinbox/fetch
      credentials:
        customer-token: { expires_in: -5m, claims: { sub: { registered: ada } } }
      expect: token_expired                                  # or { reason: token_expired, status: 401 }

What a credential may say depends on its authenticator:

  token                    id
  jwt                      claims and header, whose null removes a member; expires_in, issued_in; tenant of a key ring
  mtls                     certificate: { subject: { cn }, san: { uri, dns, email, ip } }; expires_in, issued_in
  all of these, signature  signed_by: stranger for a key that is not configured, or the id of one that is
  all but mtls             raw: a text that is sent as it is

It stands where its authenticator reads first, or wherever the request, or an expected header, has ${its-name}. What an
introspection or a profile answers stands in answers, and a service without an answer cannot be reached:

      answers: { user-profile: { status: 200, json: { id: ada } }, opaque-token: 503 }

What only shows when a request is forwarded is not tried: limits of bodies that nothing reads, upstreams and streams.
Exit code 1 says that a case came out otherwise, 2 that a file or its configuration has faults.`
