package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"postern/policy"
	"postern/proxy"
)

// refusals lists them in an order: the last ones spoil the world.
func refusals(t *testing.T, w *world) []refusal {
	var list []refusal
	// add completes rows with what their route has in common.
	add := func(common refusal, rows ...refusal) {
		for _, r := range rows {
			r.method, r.target = or(r.method, common.method), or(r.target, common.target)
			r.route, r.path, r.authenticator, r.scheme = common.route, common.path, common.authenticator, common.scheme
			list = append(list, r)
		}
	}

	add(refusal{},
		refusal{reason: policy.MalformedRequest, target: "/profile", fields: []string{"Authorization: Bearer a", "Authorization: Bearer b"},
			detail: "Authorization is sent more than once"},
		refusal{reason: policy.AmbiguousPath, target: "/widget/%2e%2e/profile", detail: "the path holds a dot segment"},
		refusal{reason: policy.NoRoute, target: "/elsewhere"},
		refusal{reason: policy.MethodNotAllowed, method: http.MethodPut, target: "/profile", allow: "GET, HEAD"},
	)

	list = append(list, refusal{reason: policy.MissingCredential, name: "of two", target: "/both", route: "both", path: "/both",
		fields: []string{"Authorization: Basic YTpi"}, challenge: []string{`Token realm="postern"`, `JWT realm="postern"`}})

	token := func(value string) []string { return []string{"Authorization: Token " + value} }
	add(refusal{method: http.MethodPost, target: "/projects/acme/events", route: "event", path: "/projects/{project}/events",
		authenticator: "project-token", scheme: "Token"},
		refusal{reason: policy.MalformedCredential, name: "static", fields: token("two words"),
			detail: "Authorization wants the scheme Token, one space and one value without white space"},
		refusal{reason: policy.UnknownToken, fields: token("guessed")},
		refusal{reason: policy.TokenExpired, name: "static", fields: token("project-secret-of-2020")},
		refusal{reason: policy.TokenNotYetValid, name: "static", fields: token("project-secret-of-2999")},
		refusal{reason: policy.Revoked, fields: token("project-secret-that-was-lost")},
		refusal{reason: policy.IdentityMismatch, name: "of a project", target: "/projects/other/events", fields: token("project-secret"),
			credential: "mobile", detail: "path.project differs from attributes.project"},
	)

	asJSON := append(token("project-secret"), "Content-Type: application/json")
	overloaded := refusal{reason: policy.Overloaded, method: http.MethodPost, target: "/body", fields: asJSON, body: `{"project":"acme"}`, credential: "mobile", retryAfter: "5", level: "WARN"}
	overloaded.provoke = whileBodiesFillTheRoom(overloaded)
	add(refusal{method: http.MethodPost, target: "/body", route: "body", path: "/body", authenticator: "project-token"},
		refusal{reason: policy.MalformedBody, fields: asJSON, body: `{"project":"acme","project":"other"}`, credential: "mobile",
			detail: "the body cannot be read in exactly one way"},
		refusal{reason: policy.BodyTooLarge, fields: asJSON, body: strings.Repeat(" ", 16<<10+1), credential: "mobile",
			detail: "a body may have 16384 bytes here"},
		refusal{reason: policy.IdentityMismatch, name: "in a body", fields: asJSON, body: `{"project":"other"}`, credential: "mobile",
			detail: "body.project differs from attributes.project"},
		overloaded,
	)
	add(refusal{target: "/customers-only", route: "customers-only", path: "/customers-only", authenticator: "project-token"},
		refusal{reason: policy.InsufficientLevel, fields: token("project-secret"), credential: "mobile", detail: "the level customer is needed"})
	add(refusal{method: http.MethodPost, target: "/cookie", route: "cookie", path: "/cookie"},
		refusal{reason: policy.OriginNotAllowed, fields: []string{"Cookie: session=session-secret", "Origin: https://evil.example"}})

	widget := func(method jwt.SigningMethod, key any, changes jwt.MapClaims) []string {
		claims := jwt.MapClaims{"external_id": "ada", "iat": fromNow(0), "exp": fromNow(5 * time.Minute)}
		return []string{"Authorization: JWT " + signed(t, method, "", key, with(claims, changes))}
	}
	secret := []byte("widget-secret-of-thirty-two-bytes")
	add(refusal{target: "/widget/customer-4711", route: "widget", path: "/widget/", authenticator: "widget-token", scheme: "JWT"},
		refusal{reason: policy.MalformedCredential, name: "JWT", fields: []string{"Authorization: JWT a.b"}, detail: "a JWT has three parts"},
		refusal{reason: policy.AlgorithmNotAllowed, fields: widget(jwt.SigningMethodHS512, secret, nil), detail: "use HS256"},
		refusal{reason: policy.AlgorithmNotAllowed, name: "none", detail: "use HS256",
			fields: widget(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil)},
		refusal{reason: policy.BadSignature, fields: widget(jwt.SigningMethodHS256, []byte("another-secret"), nil)},
		refusal{reason: policy.TokenExpired, fields: widget(jwt.SigningMethodHS256, secret, jwt.MapClaims{"exp": fromNow(-time.Hour)})},
		refusal{reason: policy.TokenNotYetValid, fields: widget(jwt.SigningMethodHS256, secret, jwt.MapClaims{"nbf": fromNow(time.Hour)})},
		refusal{reason: policy.IssuedInFuture, fields: widget(jwt.SigningMethodHS256, secret, jwt.MapClaims{"iat": fromNow(time.Hour)}),
			detail: "iat is in seconds, and may not be ahead of the clock"},
		refusal{reason: policy.LifetimeTooLong, fields: widget(jwt.SigningMethodHS256, secret, jwt.MapClaims{"exp": fromNow(time.Hour)}),
			detail: "exp may be 10m0s after iat at most"},
		refusal{reason: policy.MissingClaim, name: "iat", fields: widget(jwt.SigningMethodHS256, secret, jwt.MapClaims{"iat": nil}),
			detail: "iat is missing"},
		refusal{reason: policy.MissingClaim, name: "customer", fields: widget(jwt.SigningMethodHS256, secret, jwt.MapClaims{"external_id": ""}),
			detail: "claims.external_id names no customer"},
	)

	inSession := func(changes jwt.MapClaims) []string {
		claims := jwt.MapClaims{"iat": fromNow(0), "exp": fromNow(8 * time.Hour), "scope": "chat:read"}
		return []string{"Authorization: Session " + signed(t, jwt.SigningMethodHS256, "", []byte("session-secret-of-thirty-two-bytes"), with(claims, changes))}
	}
	add(refusal{target: "/session", route: "session", path: "/session", authenticator: "session-token", scheme: "Session"},
		refusal{reason: policy.TokenTooOld, fields: inSession(jwt.MapClaims{"iat": fromNow(-2 * time.Hour)}), detail: "iat may be 1h0m0s ago at most"},
		refusal{reason: policy.InsufficientScope, fields: inSession(jwt.MapClaims{"scope": "chat:write"}), detail: "the scope chat:read is missing"},
	)

	stranger := newIssuer(t, "k1", "k8", "k9")
	customer := jwt.MapClaims{"iss": "https://idp.example", "aud": "chat", "sub": "ada", "exp": fromNow(time.Hour)}
	bearer := func(from *issuer, kid string, changes jwt.MapClaims) []string {
		return []string{"Authorization: Bearer " + from.sign(t, kid, with(customer, changes))}
	}
	add(refusal{target: "/profile?customer=ada", route: "profile", path: "/profile", authenticator: "customer-token", scheme: "Bearer"},
		refusal{reason: policy.BadSignature, name: "public key", fields: bearer(stranger, "k1", nil)},
		refusal{reason: policy.WrongIssuer, fields: bearer(w.idp, "k1", jwt.MapClaims{"iss": "https://idp.example/"})},
		refusal{reason: policy.WrongAudience, fields: bearer(w.idp, "k1", jwt.MapClaims{"aud": []string{"other", "Chat"}})},
		refusal{reason: policy.ClaimNotAllowed, fields: bearer(w.idp, "k1", jwt.MapClaims{"actor": "eve"}), detail: "actor may not be in the token"},
		refusal{reason: policy.IdentityMismatch, target: "/profile?customer=ada&customer=eve", fields: bearer(w.idp, "k1", nil),
			credential: "k1", detail: "query.customer differs from customer_id"},
		refusal{reason: policy.IdentityMissing, target: "/profile", fields: bearer(w.idp, "k1", nil), credential: "k1", detail: "the request does not carry query.customer"},
		refusal{reason: policy.UnknownKey, fields: bearer(stranger, "k8", nil)},
	)
	add(refusal{target: "/orphan", route: "orphan", path: "/orphan", authenticator: "orphan-token"},
		refusal{reason: policy.KeysUnavailable, fields: bearer(w.idp, "k1", nil), retryAfter: "5", level: "ERROR"})

	w.oracle.know("choking", "<html>")
	add(refusal{target: "/opaque", route: "opaque", path: "/opaque", authenticator: "opaque-token", scheme: "Opaque"},
		refusal{reason: policy.InactiveToken, fields: []string{"Authorization: Opaque guessed"}},
		refusal{reason: policy.IntrospectionUnavailable, fields: []string{"Authorization: Opaque choking"}, retryAfter: "5", level: "ERROR",
			cause: "the answer is no JSON object"})
	add(refusal{target: "/own", route: "own", path: "/own", authenticator: "own-token", scheme: "Own"},
		refusal{reason: policy.InactiveToken, name: "by the profile", fields: []string{"Authorization: Own guessed"}},
		refusal{reason: policy.ProfileUnavailable, fields: []string{"Authorization: Own choking"}, retryAfter: "5", level: "ERROR",
			cause: "the answer is no JSON object"})

	public := func(reason policy.Reason, name, level, cause string, reached *spy) refusal {
		return refusal{reason: reason, target: "/" + name, route: name, path: "/" + name, authenticator: "anonymous", level: level, cause: cause, reached: reached}
	}
	gone := public(policy.ClientClosed, "hung", "INFO", "", nil)
	gone.provoke = hangUp
	pending := refusal{reason: policy.KeysPending, target: "/profile", route: "profile", path: "/profile", authenticator: "customer-token",
		fields: bearer(stranger, "k9", nil), retryAfter: "1", level: "WARN"}
	pending.provoke = whileKeysAreSlow(pending)
	guess := refusal{method: http.MethodPost, target: "/projects/acme/events", fields: token("guessed"), route: "event", path: "/projects/{project}/events",
		authenticator: "project-token"}
	first, second := guess, guess
	first.reason, first.name, first.scheme, first.provoke = policy.UnknownToken, "that counts", "Token", underAbuseControl(guess)
	second.reason, second.retryAfter, second.cause = policy.TooManyFailures, "3600", "unknown_token"
	return append(list,
		public(policy.UpstreamUnreachable, "dead", "ERROR", "connection refused", nil),
		public(policy.UpstreamInvalid, "garbage", "ERROR", "not HTTP", nil),
		public(policy.UpstreamTimeout, "late", "ERROR", "timeout awaiting response headers", w.hung),
		gone,
		pending,
		first, second,
		refusal{reason: policy.Internal, target: "/session", level: "ERROR", provoke: inABrokenState},
		refusal{reason: policy.ShuttingDown, target: "/session", retryAfter: "5", provoke: whileShuttingDown},
	)
}

// hangUp goes away while the backend works on its request.
func hangUp(t *testing.T, w *world) *answer {
	connection := dial(t, w.address)
	_, _ = io.WriteString(connection, "GET /hung HTTP/1.1\r\nHost: postern\r\n\r\n")
	w.hung.next(t)
	connection.Close()
	return nil
}

// whileBodiesFillTheRoom sends a request while others hold all the room that
// bodies have together.
func whileBodiesFillTheRoom(r refusal) func(*testing.T, *world) *answer {
	return func(t *testing.T, w *world) *answer {
		connections, _ := slowBodies(t, w.testbed, r.target, r.fields...)
		t.Cleanup(func() {
			for _, c := range connections {
				c.Close()
				w.log.next(t, "request")
			}
		})
		got := w.exchange(w.request(r.method, r.target, strings.NewReader(r.body), r.fields...))
		return &got
	}
}

// whileKeysAreSlow sends a request whose key is not known and cannot be fetched.
func whileKeysAreSlow(r refusal) func(*testing.T, *world) *answer {
	return func(t *testing.T, w *world) *answer {
		w.idp.fail(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		got := w.send(http.MethodGet, r.target, r.fields...)
		w.idp.fail(nil)
		return &got
	}
}

// underAbuseControl sends a request after a reload from which on only one may
// fail.
func underAbuseControl(r refusal) func(*testing.T, *world) *answer {
	return func(t *testing.T, w *world) *answer {
		text, err := os.ReadFile(w.file)
		if err == nil {
			err = os.WriteFile(w.file, append(text, "\nabuse: { failures: 1, window: 1h, lockout: 1h }\n"...), 0o600)
		}
		if err == nil {
			err = w.app.reload()
		}
		if err != nil {
			t.Fatal(err)
		}
		got := w.send(r.method, r.target, r.fields...)
		return &got
	}
}

// inABrokenState serves a generation without a gate, so that the handler panics.
func inABrokenState(t *testing.T, w *world) *answer {
	w.app.handler.Swap(proxy.NewState(proxy.StateSettings{Metrics: w.app.shop.metrics}))
	defer w.app.handler.Swap(w.app.current.state)
	got := w.send(http.MethodGet, "/session")
	if logged := w.log.next(t, "panic"); !strings.Contains(logged["stack"].(string), "ServeHTTP") {
		t.Errorf("the log does not say where: %v", logged)
	}
	return &got
}

// whileShuttingDown sends a request while another one is still served.
func whileShuttingDown(t *testing.T, w *world) *answer {
	_, _ = io.WriteString(dial(t, w.address), "GET /hung HTTP/1.1\r\nHost: postern\r\n\r\n")
	w.hung.next(t)
	w.interrupt()
	w.log.next(t, "refusing requests")
	got := w.send(http.MethodGet, "/session")
	return &got
}

// dial opens a connection that is closed when the test ends.
func dial(t testing.TB, address string) *net.TCPConn {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	_ = connection.SetDeadline(time.Now().Add(patience))
	return connection.(*net.TCPConn)
}
