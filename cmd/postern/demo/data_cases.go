package demo

import (
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// trackingCases are about static tokens and about paths.
func trackingCases() []Case {
	const acme = "Token " + acmeToken
	twice := post(eventsPath, acme, eventBody).sending("Authorization", acme)
	return []Case{
		get("/data/v2/projects/acme/consent/categories", acme).
			titled("tracking: the project's token, without a body", acmeApp()),
		post(eventsPath, "Token nobody-knows-this", eventBody).
			titled("tracking: a token that nobody issued", denied(401, "unknown_token")),
		post(eventsPath, "Token "+acmeOldToken, eventBody).
			titled("tracking: last year's token", denied(401, "token_expired")),
		post(eventsPath, acme+" and-more", eventBody).
			titled("tracking: two values after the scheme", denied(401, "malformed_credential")),
		post(eventsPath, "basic YWNtZTphY21l", eventBody).
			titled("tracking: Basic", denied(401, "missing_credential")),
		twice.titled("tracking: two Authorization headers", denied(400, "malformed_request")),
		get(eventsPath, acme).
			titled("tracking: a method that is not served", denied(405, "method_not_allowed")),
		post("/track/v2/projects/acme/everything", acme, eventBody).
			titled("tracking: a path that is not served", denied(404, "no_route")),
		post("/track/v2/projects/acme/../globex/customers", acme, eventBody).
			titled("tracking: dot segments to another project", denied(400, "ambiguous_path")),
		post("/track/v2/projects/acme%2F..%2Fglobex/customers", acme, eventBody).
			titled("tracking: encoded slashes to another project", denied(400, "ambiguous_path")),
	}
}

// inboxCases are about tokens of the identity provider.
func (w *World) inboxCases(now time.Time) []Case {
	good := w.customerClaims(now)
	fetch := func(token string) Case { return post(fetchPath, "Bearer "+token, inboxBody) }
	with := func(name string, value any) Case { return fetch(w.customerToken(good.with(name, value))) }

	// The claims of one token under the signature of another.
	bob := strings.Split(w.customerToken(good.with("sub", "bob")), ".")
	zoe := strings.Split(w.customerToken(good), ".")
	tampered := strings.Join([]string{zoe[0], bob[1], zoe[2]}, ".")

	return []Case{
		fetch(sign(jwt.SigningMethodES256, ecKey, w.issuer.ec, good)).
			titled("app inbox: a token signed with ES256", zoeAt("data")),
		post("/webxp/projects/globex/appinbox/markasread", "Bearer "+w.customerToken(good), inboxBody).
			titled("app inbox: another project in the path", denied(403, "identity_mismatch")),
		fetch("no-token").
			titled("app inbox: something that is no JWT", denied(401, "malformed_credential")),
		fetch(tampered).
			titled("app inbox: changed claims", denied(401, "bad_signature")),
		fetch(w.confusedToken(good)).
			titled("app inbox: HS256 under the public key", denied(401, "algorithm_not_allowed")),
		fetch(sign(jwt.SigningMethodES256, "nobody-knows-this", w.issuer.ec, good)).
			titled("app inbox: a key that nobody published", denied(401, "unknown_key")),
		with("iss", "https://idp.globex.example/").
			titled("app inbox: another issuer", denied(401, "wrong_issuer")),
		with("aud", "billing").
			titled("app inbox: another audience", denied(401, "wrong_audience")),
		with("nbf", now.Add(time.Hour).Unix()).
			titled("app inbox: a token for later", denied(401, "token_not_yet_valid")),
		with("sub", nil).
			titled("app inbox: a token that names nobody", denied(401, "missing_claim")),
		with("project", nil).
			titled("app inbox: a token without the claim of a rule", denied(401, "missing_claim")),
	}
}

// segmentsCases are about the customer in a query.
func (w *World) segmentsCases(now time.Time) []Case {
	zoe := "Bearer " + w.customerToken(w.customerClaims(now))
	return []Case{
		get(segmentsPath+"?customer=zoe", zoe).
			titled("segments: the token's own customer", zoeAt("data")),
		get(segmentsPath, zoe).
			titled("segments: no customer in the query", denied(403, "identity_missing")),
		get(segmentsPath+"?customer=zoe&customer=bob", zoe).
			titled("segments: two customers in the query", denied(403, "identity_mismatch")),
		get(segmentsPath+"?customer=zoe&CUSTOMER=bob", zoe).
			titled("segments: another spelling of the parameter", denied(400, "malformed_request")),
	}
}
