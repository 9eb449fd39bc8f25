package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// attack changes a request that is allowed into one that must not be.
type attack struct {
	name string
	// change returns the changed call; false where it does not apply.
	change func(c sdkCall) (sdkCall, bool)
	reason string
	status int // with 0, what a mismatch is answered with
}

// replaced changes the body of a call that is made for a customer.
func replaced(from, to string) func(sdkCall) (sdkCall, bool) {
	return func(c sdkCall) (sdkCall, bool) {
		before := c.body
		c.body = strings.Replace(c.body, from, to, 1)
		return c, c.signed() && c.body != before
	}
}

// carrying sends another credential on calls that have one of the wanted kind.
func carrying(authorization string, wanted func(sdkCall) bool) func(sdkCall) (sdkCall, bool) {
	return func(c sdkCall) (sdkCall, bool) {
		applies := wanted(c)
		c.authorization = authorization
		return c, applies
	}
}

func exponeaAttacks(t *testing.T) []attack {
	const ada = `"registered":"ada@example.com"`
	project := func(c sdkCall) bool { return c.signed() && !c.stream() }
	stream := func(c sdkCall) bool { return c.signed() && c.stream() }
	app := func(c sdkCall) bool { return c.authorization == appToken }
	// Neither takes the place of the other on these: Android and iOS differ.
	either := func(c sdkCall) bool {
		return strings.Contains(c.target, "/segments") || strings.Contains(c.target, "/link-ids") || strings.Contains(c.target, "/batch")
	}
	expired := jwt.MapClaims{"exp": fromNow(-time.Hour)}
	engagement := func(method jwt.SigningMethod, kid, secret string, changes jwt.MapClaims) string {
		return bearer(t, method, kid, secret, jwt.MapClaims{"sub": map[string]string{"registered": "ada@example.com"}, "exp": fromNow(time.Hour)}, changes)
	}
	own := exponeaSecrets["ACME_PRIVATE_KEY"]
	return []attack{
		{"another customer", replaced(ada, `"registered":"eve@example.com"`), "identity_mismatch", 0},
		{"another customer further on in the batch", func(c sdkCall) (sdkCall, bool) {
			at := strings.LastIndex(c.body, "ada@") // of two or more
			if !c.signed() || strings.Count(c.body, "ada@") < 2 {
				return c, false
			}
			c.body = c.body[:at] + "eve@" + c.body[at+len("ada@"):]
			return c, true
		}, "identity_mismatch", 0},
		{"a batch with a command for nobody", replaced(`{"commands":[`, `{"commands":[{"name":"customers","data":{}},`), "identity_missing", 403},
		{"an empty batch", func(c sdkCall) (sdkCall, bool) {
			applies := c.signed() && strings.HasSuffix(c.target, "/batch")
			c.body = `{"commands":[]}`
			return c, applies
		}, "identity_missing", 403},
		{"a request for nobody", func(c sdkCall) (sdkCall, bool) {
			before := c.body
			c.body = strings.NewReplacer(`"customer_ids"`, `"unused"`, `"external_ids"`, `"unused"`).Replace(c.body)
			return c, c.signed() && c.body != before && !strings.Contains(c.target, "/clicks")
		}, "identity_missing", 403},
		{"the token's id is missing", replaced(ada, `"unused":null`), "identity_mismatch", 0},
		{"the token's id is null", replaced(ada, `"registered":null`), "identity_mismatch", 0},
		{"the token's id in another case", replaced(ada, `"registered":"Ada@example.com"`), "identity_mismatch", 0},
		{"an id that the token lacks", replaced(ada, ada+`,"email_id":"e@example.com"`), "identity_mismatch", 0},
		{"a list of ids", replaced(ada, `"registered":["ada@example.com"]`), "identity_mismatch", 0},
		{"ids twice", replaced(`"customer_ids"`, `"customer_ids":{"registered":"eve@example.com"},"customer_ids"`), "malformed_body", 400},
		{"an id twice", replaced(ada, ada+`,"registered":"eve@example.com"`), "malformed_body", 400},
		{"an id twice, once escaped", replaced(ada, ada+`,"r\u0065gistered":"eve@example.com"`), "malformed_body", 400},
		{"ids under a name in another case", replaced(`"customer_ids"`, `"Customer_Ids":{"registered":"eve@example.com"},"customer_ids"`), "malformed_body", 400},
		{"another project or stream", func(c sdkCall) (sdkCall, bool) {
			c.target = strings.Replace(c.target, "acme", "acme-test", 1)
			return c, c.authorization != visitor
		}, "identity_mismatch", 0},
		{"project or stream twice", func(c sdkCall) (sdkCall, bool) {
			_, query, _ := strings.Cut(c.target, "?")
			applies := c.authorization != visitor && strings.Contains(query, "_id=acme")
			c.target += "&" + strings.Replace(query, "acme", "acme-test", 1)
			return c, applies
		}, "identity_mismatch", 0},
		{"no stream", func(c sdkCall) (sdkCall, bool) {
			before := c.target
			c.target, _, _ = strings.Cut(c.target, "?stream_id=")
			return c, c.signed() && c.target != before
		}, "identity_missing", 403},

		{"the app's token in place of the customer's", carrying(appToken, func(c sdkCall) bool { return c.signed() && !(project(c) && either(c)) }), "missing_credential", 401},
		{"the customer's token in place of the app's", carrying(customerToken(t, nil), func(c sdkCall) bool { return app(c) && !either(c) }), "missing_credential", 401},
		{"the app's token under another scheme", carrying("Bearer acme-token-of-the-app", project), "malformed_credential", 401},
		{"no credential", carrying("", func(c sdkCall) bool {
			return !c.stream() || strings.Contains(c.target, "appinbox") || strings.HasSuffix(c.target, "link-ids")
		}), "missing_credential", 401},
		{"an unknown app", carrying("Token of-nobody", app), "unknown_token", 401},
		{"the prefix twice", carrying("Bearer "+customerToken(t, nil), project), "malformed_credential", 401},
		{"two spaces", carrying(strings.Replace(customerToken(t, nil), " ", "  ", 1), project), "malformed_credential", 401},

		{"an expired token", carrying(customerToken(t, expired), project), "token_expired", 401},
		{"an expired stream token", carrying(streamToken(t, expired), stream), "token_expired", 401},
		{"a token without end", carrying(customerToken(t, jwt.MapClaims{"exp": nil}), project), "missing_claim", 401},
		{"a token for nobody", carrying(customerToken(t, jwt.MapClaims{"sub": map[string]string{}}), project), "missing_claim", 401},
		{"a stream token without ids", carrying(streamToken(t, jwt.MapClaims{"ids": nil}), stream), "missing_claim", 401},
		{"the key of another project", carrying(engagement(jwt.SigningMethodHS256, "acme-test-2026", exponeaSecrets["ACME_TEST_PRIVATE_KEY"], nil), project), "identity_mismatch", 403},
		{"a key under the name of another", carrying(engagement(jwt.SigningMethodHS256, "acme-2026", "a-key-that-nobody-knows-of-32-bytes", nil), project), "bad_signature", 401},
		{"a kid that nobody knows", carrying(engagement(jwt.SigningMethodHS256, "acme-1999", "a-key-that-nobody-knows-of-32-bytes", nil), project), "bad_signature", 401},
		{"HS512 in place of HS256", carrying(engagement(jwt.SigningMethodHS512, "acme-2026", own, nil), project), "algorithm_not_allowed", 401},
		{"no algorithm", carrying("Bearer "+unsigned(t), project), "algorithm_not_allowed", 401},
		{"a stream's token for a project", carrying(streamToken(t, nil), project), "algorithm_not_allowed", 401},
		{"a project's token for a stream", carrying(customerToken(t, nil), stream), "algorithm_not_allowed", 401},

		{"a visitor with a broken token", carrying("Bearer a.b.c", func(c sdkCall) bool { return c.authorization == visitor }), "malformed_credential", 401},
	}
}

func unsigned(t *testing.T) string {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"sub": map[string]string{"registered": "ada@example.com"}, "exp": fromNow(time.Hour)}).
		SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// mismatch is how a token for somebody else is answered: in stream mode a new
// token cures it, but for messages that were fetched before another login.
func (c *sdkCall) mismatch() int {
	if c.stream() && !strings.HasSuffix(c.target, "markasread") {
		return http.StatusUnauthorized
	}
	return http.StatusForbidden
}

// Each request of an SDK, changed in each way that would make it somebody
// else's, is refused in words that the SDK understands.
func TestExponeaAttacks(t *testing.T) {
	b, backend := startExponea(t)
	for _, a := range exponeaAttacks(t) {
		t.Run(a.name, func(t *testing.T) {
			tried := 0
			for _, original := range exponeaCalls(t) {
				c, applies := a.change(original)
				if !applies {
					continue
				}
				tried++
				status := a.status
				if status == 0 {
					status = original.mismatch()
				}
				got := c.send(b)
				if got.status != status || got.header.Get("Postern-Reason") != a.reason {
					t.Errorf("%s: %d %s, want %d %s", c.name, got.status, got.header.Get("Postern-Reason"), status, a.reason)
				}
				expectExponeaDenial(t, got)
				backend.expectNone(t)
			}
			if tried == 0 {
				t.Error("no request is changed")
			}
		})
	}
}

// expectExponeaDenial wants the members that the SDKs read, and no errors.
func expectExponeaDenial(t *testing.T, got answer) {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatalf("%v: %s", err, got.body)
	}
	if message, ok := body["error"].(string); !ok || message == "" {
		t.Errorf("error is %v", body["error"])
	}
	delete(body, "error")
	want := map[string]any{"success": false, "token_expired": got.header.Get("Postern-Reason") == "token_expired"}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
	// Android reads no more of it.
	if len(got.body) > 1024 || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d bytes of %s", len(got.body), got.header.Get("Content-Type"))
	}
}

// An SDK deletes an event after some answers of 4xx; whatever is not its fault
// must be a 5xx.
func TestExponeaOutages(t *testing.T) {
	for name, value := range exponeaSecrets {
		t.Setenv(name, value)
	}
	text := exponeaText(t, "http://"+deadAddress(t))
	const local = "    customer_id: claims.ids\n"
	if !strings.Contains(text, local) {
		t.Fatalf("the example lacks %q", local)
	}
	// A third kind of token, whose keys are somewhere else.
	text = strings.Replace(text, local, local+`
  remote-token:
    type: jwt
    keys: { jwks_url: "http://`+deadAddress(t)+`" }
    algorithms: [ES256]
    issuer: "https://idp.example.com"
    audience: [exponea]
    customer_id: claims.sub
`, 1)
	text = strings.Replace(text, "authenticate: [project-token, server-key]", "authenticate: [project-token, server-key, remote-token]", 1)
	b := start(t, text, nil)
	elsewhere := newIssuer(t, "k1").sign(t, "k1", jwt.MapClaims{"iss": "https://idp.example.com", "aud": "exponea", "sub": "ada", "exp": fromNow(time.Hour)})
	for _, test := range []struct {
		name, authorization string
		status              int
		reason              string
	}{
		{"the backend is down", appToken, 502, "upstream_unreachable"},
		{"no keys", "Bearer " + elsewhere, 503, "keys_unavailable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := sdkCall{"android event", "POST", "/track/v2/projects/acme/customers/events", nil, test.authorization, `{"customer_ids":{"cookie":"a"}}`}
			got := c.send(b)
			expectRefusal(t, b, got, test.status, test.reason)
			expectExponeaDenial(t, got)
		})
	}
}
