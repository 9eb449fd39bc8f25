// Package forwardauth answers other proxies that ask about the requests which they
// serve: nginx with auth_request, Caddy with forward_auth, Traefik, HAProxy.
//
// [NewServer] reads from the question what is asked about, and has it decided as
// if that request had come here itself: by the same gate, with the same log,
// metrics and abuse control (see [proxy.Handler.Inquire]). 200 with the identity
// headers lets it pass; anything else is the refusal.
//
// What goes on to a backend is in the hands of the proxy that asks: the package
// sees no body, ends no stream, and removes nothing that a client sent.
package forwardauth
