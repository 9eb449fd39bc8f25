package gate_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"postern/policy"
)

func TestConsistency(t *testing.T) {
	customers := []policy.Level{policy.Customer}
	g := newGate(t,
		route(t, "/path/{id}", []string{"customer"}, rule{request: "path.id"}),
		route(t, "/query", []string{"customer"}, rule{request: "query.id"}),
		route(t, "/query-optional", []string{"customer"}, rule{request: "query.id", optional: true}),
		route(t, `/header`, []string{"customer"}, rule{request: "header.X-Id"}),
		route(t, "/cookie", []string{"customer"}, rule{request: "cookie.sid"}),
		route(t, "/cookie-optional", []string{"customer"}, rule{request: "cookie.sid", optional: true}),
		route(t, "/host", []string{"customer"}, rule{identity: "claims.host", request: "host"}),
		route(t, "/method", []string{"customer"}, rule{identity: "claims.method", request: "method"}),
		route(t, "/several/{id}", []string{"customer"}, rule{request: "path.id"}, rule{identity: "claims.n", request: "query.n"}),
		route(t, "/object", []string{"customer"}, rule{identity: "claims.ids", request: "query.id", optional: true}),
		route(t, "/visitors", []string{"widget", "anonymous"}, rule{request: "query.id", optional: true}),
		route(t, "/visitors-when", []string{"widget", "anonymous"}, rule{request: "query.id", when: customers}),
		route(t, "/project/{project}", []string{"project"}, rule{identity: "attributes.project", request: "path.project"}),
	)
	var (
		ann = "Authorization: Bearer " + token(t, jwt.MapClaims{
			"sub": "ann", "n": 42, "host": "acme.example.com", "method": "GET", "ids": map[string]any{"id": "ann"},
		})
		widget = "Authorization: JWT " + token(t, jwt.MapClaims{"id": "ann"})
		app    = "Authorization: JWT " + token(t, jwt.MapClaims{})
	)
	const (
		allow     = policy.ReasonNone
		mismatch  = policy.IdentityMismatch
		unnamed   = policy.IdentityMissing
		malformed = policy.MalformedRequest
		missing   = policy.MissingClaim
	)
	for _, test := range []struct {
		line   string
		header []string
		want   policy.Reason
	}{
		{"GET /path/ann", []string{ann}, allow},
		{"GET /path/%61nn", []string{ann}, allow},
		{"GET /path/bob", []string{ann}, mismatch},
		{"GET /path/Ann", []string{ann}, mismatch},
		{"GET /path/ann%20x", []string{ann}, mismatch},
		{"GET /path/ann+", []string{ann}, mismatch},

		{"GET /query?id=ann", []string{ann}, allow},
		{"GET /query?id=ann&id=%61nn", []string{ann}, allow},
		{"GET /query?id=ann&id=bob", []string{ann}, mismatch},
		{"GET /query?id=bob&id=ann", []string{ann}, mismatch},
		{"GET /query?id=ann&id=", []string{ann}, mismatch},
		{"GET /query?id=", []string{ann}, mismatch},
		{"GET /query?id", []string{ann}, mismatch},
		{"GET /query?id=+ann", []string{ann}, mismatch},
		{"GET /query", []string{ann}, unnamed},
		{"GET /query?other=ann", []string{ann}, unnamed},
		{"GET /query?id=ann&ID=bob", []string{ann}, malformed},
		{"GET /query?id=ann&Id=ann", []string{ann}, malformed},
		{"GET /query?id=ann&id[]=bob", []string{ann}, malformed},
		{"GET /query?id=ann&id[0]=bob", []string{ann}, malformed},
		{"GET /query?id=ann&id.x=bob", []string{ann}, malformed},
		{"GET /query?id=ann&%49d=bob", []string{ann}, malformed},
		{"GET /query?id=ann&id%00=bob", []string{ann}, malformed},
		{"GET /query?ID=ann", []string{ann}, malformed},
		{"GET /query-optional", []string{ann}, allow},
		{"GET /query-optional?id=ann", []string{ann}, allow},
		{"GET /query-optional?id=bob", []string{ann}, mismatch},
		{"GET /query-optional?id=", []string{ann}, mismatch},
		{"GET /query-optional?ID=bob", []string{ann}, malformed},
		{"GET /path/ann?ID=bob", []string{ann}, allow}, // no rule of this route reads it

		{"GET /header", []string{ann, "X-Id: ann"}, allow},
		{"GET /header", []string{ann, "x-id: ann", "X-ID: ann"}, allow},
		{"GET /header", []string{ann, "X-Id: ann", "X-Id: bob"}, mismatch},
		{"GET /header", []string{ann, "X-Id: bob", "X-Id: ann"}, mismatch},
		{"GET /header", []string{ann, "X-Id: ann, ann"}, mismatch},
		{"GET /header", []string{ann, "X-Id:"}, mismatch},
		{"GET /header", []string{ann}, unnamed},
		{"GET /header", []string{ann, "X-Id: ann", "X_Id: bob"}, malformed},

		{"GET /cookie", []string{ann, "Cookie: sid=ann"}, allow},
		{"GET /cookie", []string{ann, "Cookie: a=b; sid=ann; c=d"}, allow},
		{"GET /cookie", []string{ann, "Cookie: a=b;sid=ann"}, allow},
		{"GET /cookie", []string{ann, "Cookie: sid=ann; sid=ann"}, allow},
		{"GET /cookie", []string{ann, "Cookie: sid=ann; sid=bob"}, mismatch},
		{"GET /cookie", []string{ann, "Cookie: sid=bob", "Cookie: sid=ann"}, mismatch},
		{"GET /cookie", []string{ann, "Cookie: sid=bob"}, mismatch},
		{"GET /cookie", []string{ann, "Cookie: sid="}, mismatch},
		{"GET /cookie", []string{ann, "Cookie: sid"}, mismatch},
		{"GET /cookie", []string{ann, `Cookie: sid="ann"`}, malformed},
		{"GET /cookie", []string{ann, "Cookie: sid=ann; x=1 sid=bob"}, malformed},
		{"GET /cookie", []string{ann, "Cookie: sid=ann; x=1, sid=bob"}, malformed},
		{"GET /cookie", []string{ann, "Cookie: \xa0sid=bob; sid=ann"}, malformed},
		{"GET /cookie", []string{ann, "Cookie: sid=%61nn"}, mismatch},
		{"GET /cookie", []string{ann, "Cookie: sid=%zz"}, mismatch},
		{"GET /cookie", []string{ann, "Cookie: sid=ann=ann"}, mismatch},
		// Nor may such a value be taken as it stands: backends would decode it.
		{"GET /cookie", []string{bearer(t, `"ann"`), `Cookie: sid="ann"`}, malformed},
		{"GET /cookie", []string{bearer(t, "%61nn"), "Cookie: sid=%61nn"}, mismatch},
		{"GET /cookie", []string{ann, "Cookie: a=sid=ann"}, unnamed},
		{"GET /cookie", []string{ann, "Cookie: a=b"}, unnamed},
		{"GET /cookie", []string{ann}, unnamed},
		{"GET /cookie", []string{ann, "Cookie: sid=ann; SID=bob"}, malformed},
		{"GET /cookie", []string{ann, "Cookie: sid=ann; sid[x]=bob"}, malformed},
		{"GET /cookie-optional", []string{ann}, allow},
		{"GET /cookie-optional", []string{ann, "Cookie: sid=bob"}, mismatch},
		{"GET /cookie-optional", []string{ann, "Cookie: Sid=bob"}, malformed},

		{"GET /host", []string{ann, "Host: acme.example.com"}, allow},
		{"GET /host", []string{ann, "Host: ACME.example.com.:443"}, allow},
		{"GET /host", []string{ann, "Host: other.example.com"}, mismatch},
		{"GET /host", []string{ann, "Host: acme.example.com:8080"}, mismatch},
		{"GET http://other.example.com/host", []string{ann, "Host: acme.example.com"}, mismatch},
		{"GET /method", []string{ann}, allow},
		{"POST /method", []string{ann}, mismatch},

		{"GET /several/ann?n=42", []string{ann}, allow},
		{"GET /several/ann?n=42.0", []string{ann}, mismatch},
		{"GET /several/ann?n=43", []string{ann}, mismatch},
		{"GET /several/bob?n=42", []string{ann}, mismatch},
		{"GET /several/ann", []string{ann}, unnamed},
		{"GET /object", []string{ann}, missing},
		{"GET /object?id=ann", []string{ann}, missing},

		{"GET /project/acme", []string{"Authorization: Token " + projectToken}, allow},
		{"GET /project/other", []string{"Authorization: Token " + projectToken}, mismatch},

		// Who is nobody must not name somebody.
		{"GET /visitors", nil, allow},
		{"GET /visitors?id=ann", nil, mismatch},
		{"GET /visitors?id=", nil, mismatch},
		{"GET /visitors?id=ann", []string{app}, mismatch},
		{"GET /visitors", []string{app}, allow},
		{"GET /visitors?id=ann", []string{widget}, allow},
		{"GET /visitors?id=bob", []string{widget}, mismatch},
		{"GET /visitors-when?id=bob", nil, allow},
		{"GET /visitors-when?id=bob", []string{app}, allow},
		{"GET /visitors-when?id=bob", []string{widget}, mismatch},
		{"GET /visitors-when", []string{widget}, unnamed},
	} {
		if got := verdictOf(decide(t, g, test.line, test.header...)).Reason; got != test.want {
			t.Errorf("%s %q: %v, want %v", test.line, test.header, got, test.want)
		}
	}
}
