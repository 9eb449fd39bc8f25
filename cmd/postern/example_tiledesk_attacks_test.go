package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// tiledeskAttack is a request that must be refused.
type tiledeskAttack struct {
	name, method, target string
	fields               []string
	body                 string
	status               int
	reason, answer       string
}

const (
	tiledeskMismatch = `{"success":false,"msg":"The request names somebody else than its credential does."}`
	signInTarget     = "/auth/signinWithCustomToken"
)

// refusedSignIns are tokens at the sign-in, where passport says one word.
func refusedSignIns(t *testing.T) []tiledeskAttack {
	var list []tiledeskAttack
	refuse := func(name, reason string, fields ...string) {
		list = append(list, tiledeskAttack{name, "POST", signInTarget, fields, "", http.StatusUnauthorized, reason, "Unauthorized"})
	}
	token := func(name, reason, secret string, changes jwt.MapClaims) {
		refuse(name, reason, "Authorization: JWT "+hs256(t, secret, shopCustomer(), changes))
	}
	for name, audience := range map[string]any{
		"no project":                  nil,
		"the server alone":            "https://tiledesk.com",
		"no URL":                      "projects",
		"a project that is not known": "https://tiledesk.com/projects/none",
		"a project and more":          "https://tiledesk.com/projects/" + shopID + "/x",
		"a project further on":        "https://x/?https://tiledesk.com/projects/" + shopID,
		"a bot":                       "https://tiledesk.com/bots/" + shopID,
		"two projects":                []string{"https://tiledesk.com/projects/" + shopID, "https://tiledesk.com/projects/" + rivalID},
	} {
		token("aud is "+name, "unknown_key", shopSecret, jwt.MapClaims{"aud": audience})
	}
	token("aud of another project", "bad_signature", shopSecret, jwt.MapClaims{"aud": "https://tiledesk.com/projects/" + rivalID})
	token("another secret", "bad_signature", "a secret of nobody that is long enough", nil)
	for _, role := range []string{"owner", "admin", "agent", "user"} {
		token("role "+role, "claim_not_allowed", shopSecret, jwt.MapClaims{"role": role})
	}
	token("role null", "claim_not_allowed", shopSecret, jwt.MapClaims{"role": jwt.MapClaims{}})
	token("a second id", "claim_not_allowed", shopSecret, jwt.MapClaims{"_doc": map[string]string{"_id": "root"}})
	token("a user of the server", "claim_not_allowed", shopSecret, jwt.MapClaims{"sub": "user"})
	token("a bot", "claim_not_allowed", shopSecret, jwt.MapClaims{"sub": "bot"})
	token("no id", "missing_claim", shopSecret, jwt.MapClaims{"_id": nil})
	token("empty id", "missing_claim", shopSecret, jwt.MapClaims{"_id": ""})
	token("id that is an object", "missing_claim", shopSecret, jwt.MapClaims{"_id": map[string]any{}})
	token("no email", "missing_claim", shopSecret, jwt.MapClaims{"email": nil})
	token("expired", "token_expired", shopSecret, jwt.MapClaims{"exp": fromNow(-time.Hour)})
	token("iat in milliseconds", "issued_in_future", shopSecret, jwt.MapClaims{"iat": fromNow(0) * 1000})

	good := hs256(t, shopSecret, shopCustomer(), nil)
	none := signed(t, jwt.SigningMethodNone, "", jwt.UnsafeAllowNoneSignatureType, shopCustomer())
	hs512 := signed(t, jwt.SigningMethodHS512, "", []byte(shopSecret), shopCustomer())
	refuse("no token", "missing_credential")
	refuse("scheme Bearer", "missing_credential", "Authorization: Bearer "+good)
	refuse("no scheme", "missing_credential", "Authorization: "+good)
	refuse("two spaces", "malformed_credential", "Authorization: JWT  "+good)
	refuse("two schemes", "malformed_credential", "Authorization: JWT JWT "+good)
	refuse("text after the token", "malformed_credential", "Authorization: JWT "+good+" x")
	refuse("alg none", "algorithm_not_allowed", "Authorization: JWT "+none)
	refuse("another algorithm", "algorithm_not_allowed", "Authorization: JWT "+hs512)
	refuse("guest", "bad_signature", "Authorization: JWT "+hs256(t, globalSecret, shopCustomer(), jwt.MapClaims{"sub": "guest"}))
	return list
}

// refusedMessages are messages in somebody else's name or place.
func refusedMessages(t *testing.T) []tiledeskAttack {
	var list []tiledeskAttack
	customer := "Authorization: JWT " + hs256(t, shopSecret, shopCustomer(), nil)
	guest := "Authorization: JWT " + hs256(t, globalSecret, globalUser("guest"), nil)
	const typed = "Content-Type: application/json"
	body := func(name, credential, body, reason string, status int, answer string) {
		list = append(list, tiledeskAttack{name, "POST", messages, []string{credential, typed}, body, status, reason, answer})
	}
	body("another sender", customer, `{"sender":"`+shopID+`_eve","text":"hi"}`, "identity_mismatch", 403, tiledeskMismatch)
	body("sender in another case", customer, `{"sender":"`+shopID+`_ADA","text":"hi"}`, "identity_mismatch", 403, tiledeskMismatch)
	body("sender that is a list", customer, `{"sender":["`+shopID+`_ada"],"text":"hi"}`, "identity_mismatch", 403, tiledeskMismatch)
	body("another e-mail address", customer, `{"email":"eve@example.com","text":"hi"}`, "identity_mismatch", 403, tiledeskMismatch)
	body("a visitor as a customer", guest, `{"sender":"`+shopID+`_ada","text":"hi"}`, "identity_mismatch", 403, tiledeskMismatch)
	malformed := `{"success":false,"msg":"The body can be read in more than one way, or not at all."}`
	body("two senders", customer, `{"sender":"`+shopID+`_ada","sender":"`+shopID+`_eve"}`, "malformed_body", 400, malformed)
	body("sender spelled with escapes, too", customer, `{"sender":"`+shopID+`_ada","s\u0065nder":"eve"}`, "malformed_body", 400, malformed)
	body("sender in upper case", customer, `{"Sender":"eve"}`, "malformed_body", 400, malformed)
	body("more after the body", customer, `{"text":"hi"}{"sender":"eve"}`, "malformed_body", 400, malformed)
	list = append(list,
		tiledeskAttack{"a form", "POST", messages, []string{customer, "Content-Type: application/x-www-form-urlencoded"}, "sender=eve", 400, "malformed_body", malformed},
		tiledeskAttack{"another project", "POST", strings.ReplaceAll(messages, shopID, rivalID), []string{customer, typed}, `{"text":"hi"}`, 403, "identity_mismatch", tiledeskMismatch},
		tiledeskAttack{"another project's messages", "GET", strings.ReplaceAll(messages, shopID, rivalID), []string{customer}, "", 403, "identity_mismatch", tiledeskMismatch},
		tiledeskAttack{"another project's event", "POST", "/" + rivalID + "/events", []string{customer, typed}, `{"name":"x"}`, 403, "identity_mismatch", tiledeskMismatch},
		tiledeskAttack{"sign-in to another project", "POST", signInTarget, []string{customer, typed}, `{"id_project":"` + rivalID + `"}`, 401, "identity_mismatch", "Unauthorized"},
		tiledeskAttack{"chat token of another project", "POST", "/chat21/native/auth/createCustomToken", []string{customer, typed},
			`{"id_project":"` + rivalID + `"}`, 403, "identity_mismatch", tiledeskMismatch},
		tiledeskAttack{"tokens in two places", "GET", messages + "?secret_token=" + hs256(t, shopSecret, shopCustomer(), nil), []string{customer}, "", 400, "malformed_request",
			`{"success":false,"msg":"The request can be read in more than one way."}`},
		tiledeskAttack{"two tokens", "GET", messages, []string{customer, guest}, "", 400, "malformed_request",
			`{"success":false,"msg":"The request can be read in more than one way."}`},
		tiledeskAttack{"an agent's call", "PUT", "/" + shopID + "/requests/r/close", []string{customer, typed}, `{}`, 404, "no_route",
			`{"success":false,"msg":"No route serves this path."}`},
		tiledeskAttack{"an agent's method", "DELETE", messages, []string{customer}, "", 405, "method_not_allowed",
			`{"success":false,"msg":"The path is served, but not for this method."}`},
	)
	return list
}

// refusedElsewhere are tokens of one kind where another is wanted, and the
// document's rules.
func refusedElsewhere(t *testing.T) []tiledeskAttack {
	var list []tiledeskAttack
	socket := func(name, reason, query string) {
		list = append(list, tiledeskAttack{name, "GET", "/" + query, nil, "", http.StatusUnauthorized, reason, "Unauthorized"})
	}
	socket("websocket without a token", "missing_credential", "")
	socket("websocket, empty token", "malformed_credential", "?token=")
	socket("websocket, another scheme", "malformed_credential", "?token=Bearer%20"+hs256(t, globalSecret, globalUser("user"), nil))
	socket("websocket, token of the API", "missing_credential", "?secret_token="+hs256(t, globalSecret, globalUser("user"), nil))
	socket("websocket for a customer", "bad_signature", "?token=JWT%20"+hs256(t, shopSecret, shopCustomer(), nil))
	socket("websocket for a visitor", "claim_not_allowed", "?token=JWT%20"+hs256(t, globalSecret, globalUser("guest"), nil))

	decode := func(name, reason, title, project, secret string, changes jwt.MapClaims) {
		token := "Authorization: JWT " + hs256(t, secret, documentCustomer(), changes)
		list = append(list, tiledeskAttack{name, "POST", "/" + project + "/jwt/decode", []string{token}, "", 401, reason, `{"success":false,"msg":"` + title + `"}`})
	}
	future, missing := "The token says that it was issued in the future.", "The token lacks a claim that is needed here."
	decode("document: another project", "bad_signature", "The signature of the token does not verify.", rivalID, shopSecret, nil)
	decode("document: no such project", "unknown_key", "The token names a key that is not known here.", "none", shopSecret, nil)
	decode("document: iat in milliseconds", "issued_in_future", future, shopID, shopSecret, jwt.MapClaims{"iat": fromNow(0) * 1000})
	decode("document: all times in milliseconds", "issued_in_future", future, shopID, shopSecret, jwt.MapClaims{"iat": fromNow(0) * 1000, "exp": fromNow(5*time.Minute) * 1000})
	decode("document: iat three minutes ahead", "issued_in_future", future, shopID, shopSecret, jwt.MapClaims{"iat": fromNow(3 * time.Minute), "exp": fromNow(5 * time.Minute)})
	decode("document: over ten minutes", "lifetime_too_long", "The token lives longer than this route allows.", shopID, shopSecret,
		jwt.MapClaims{"iat": fromNow(-time.Minute), "exp": fromNow(-time.Minute) + 601})
	decode("document: expired three minutes ago", "token_expired", "The token has expired.", shopID, shopSecret,
		jwt.MapClaims{"iat": fromNow(-8 * time.Minute), "exp": fromNow(-3 * time.Minute)})
	for _, claim := range []string{"name", "email", "external_id", "iat", "exp"} {
		decode("document: no "+claim, "missing_claim", missing, shopID, shopSecret, jwt.MapClaims{claim: nil})
	}
	decode("document: role", "claim_not_allowed", "The token carries a claim or a value that is not allowed here.", shopID, shopSecret, jwt.MapClaims{"role": "admin"})
	return list
}

func TestTiledeskAttacks(t *testing.T) {
	backend := newSpy(t, nil)
	b := startTiledesk(t, backend.URL)
	for _, attacks := range [][]tiledeskAttack{refusedSignIns(t), refusedMessages(t), refusedElsewhere(t)} {
		for _, a := range attacks {
			t.Run(a.name, func(t *testing.T) {
				got := b.exchange(b.request(a.method, a.target, strings.NewReader(a.body), a.fields...))
				if got.status != a.status || got.header.Get("Postern-Reason") != a.reason || got.body != a.answer {
					t.Errorf("%d %s %s, want %d %s %s", got.status, got.header.Get("Postern-Reason"), got.body, a.status, a.reason, a.answer)
				}
				wantType := "application/json; charset=utf-8"
				if a.answer == "Unauthorized" {
					wantType = "text/plain; charset=utf-8"
				}
				if contentType := got.header.Get("Content-Type"); contentType != wantType {
					t.Errorf("Content-Type: %s", contentType)
				}
				backend.expectNone(t)
			})
		}
	}
}

// The limits of the document are allowed themselves.
func TestTiledeskDocumentLimits(t *testing.T) {
	b := startTiledesk(t, newSpy(t, nil).URL)
	for name, changes := range map[string]jwt.MapClaims{
		"ten minutes":              {"iat": fromNow(0), "exp": fromNow(0) + 600},
		"nearly two minutes ahead": {"iat": fromNow(110 * time.Second)},
		"expired within the skew":  {"iat": fromNow(-6 * time.Minute), "exp": fromNow(-time.Minute)},
	} {
		got := b.send(http.MethodPost, "/"+shopID+"/jwt/decode", "Authorization: jwt "+hs256(t, shopSecret, documentCustomer(), changes))
		if got.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.status, got.header.Get("Postern-Reason"))
		}
	}
}
