package gate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/gate"
	"postern/keys"
	"postern/policy"
)

// static returns an authenticator of one token, which is <name>-secret and has
// attributes.
func static(t testing.TB, name string, attributes map[string]string, from ...authn.FromSettings) authn.Authenticator {
	t.Helper()
	var problems policy.Problems
	s := &authn.TokenSettings{
		CarrierSettings: authn.CarrierSettings{From: from},
		Tokens:          []authn.StaticTokenSettings{{ID: name + "-1", Value: keys.Value{Literal: policy.Secret(name + "-secret")}, Attributes: attributes}},
	}
	s.Check(policy.Path{name}, &problems)
	mustNot(t, problems)
	a := authn.NewToken(name, s, keys.Loader{}, nil, &problems)
	mustNot(t, problems)
	return a
}

func inHeader(name, scheme string) authn.FromSettings {
	return authn.FromSettings{Header: name, Scheme: &scheme}
}

func inBody(t testing.TB, path string) authn.FromSettings {
	t.Helper()
	parsed, err := policy.ParseClaimPath(path)
	if err != nil {
		t.Fatal(err)
	}
	return authn.FromSettings{Body: &parsed}
}

// carriers are one authenticator for each kind of carrier, and one for all.
func carriers(t testing.TB) map[string]authn.Authenticator {
	t.Helper()
	jwt := "JWT"
	return map[string]authn.Authenticator{
		"query":  static(t, "query", nil, authn.FromSettings{Query: "token", Scheme: &jwt}),
		"bare":   static(t, "bare", nil, authn.FromSettings{Query: "key"}),
		"cookie": static(t, "cookie", nil, authn.FromSettings{Cookie: "session", Scheme: &jwt}),
		"socket": static(t, "socket", nil, authn.FromSettings{WebsocketProtocol: "bearer"}),
		"body":   static(t, "body", nil, inBody(t, "auth.token")),
		"field":  static(t, "field", nil, inBody(t, "token")),
		"header": static(t, "header", nil, inHeader("X-Api-Key", "")),
		"all": static(t, "all", nil, inHeader("Authorization", "Bearer"), inHeader("X-Key", ""), authn.FromSettings{Query: "t"},
			authn.FromSettings{Cookie: "c"}, authn.FromSettings{WebsocketProtocol: "p"}, inBody(t, "t")),
	}
}

func carrierGate(t testing.TB) *gate.Gate {
	t.Helper()
	var settings []policy.RouteSettings
	for name := range carriers(t) {
		settings = append(settings, route(t, "/"+name, []string{name}), route(t, "/"+name+"-or-none", []string{name, "anonymous"}))
	}
	for i := range settings {
		if strings.HasPrefix(settings[i].Match[0].Path(), "/field") {
			settings[i].Body = "form"
		}
	}
	return compile(t, settings, identityHeaders, carriers(t))
}

func TestCarriers(t *testing.T) {
	g := carrierGate(t)
	const (
		allow     = policy.ReasonNone
		missing   = policy.MissingCredential
		malformed = policy.MalformedCredential
		twice     = policy.MalformedRequest
		wrong     = policy.UnknownToken
		unread    = policy.MalformedBody
	)
	protocol := func(value string) []string { return []string{"Sec-WebSocket-Protocol: " + value} }
	cookie := func(value string) []string { return []string{"Cookie: " + value} }
	for _, test := range []struct {
		route, query string
		header       []string
		body         string
		want         policy.Reason
	}{
		{"query", "token=query-secret", nil, "", allow},
		{"query", "a=b&token=JWT%20query-secret&c", nil, "", allow},
		{"query", "token=JWT+query-secret", nil, "", allow},
		{"query", "token=jwt%20query-secret", nil, "", allow},
		{"query", "tok%65n=query%2Dsecret", nil, "", allow},
		{"query", "token=JWT%20%20query-secret", nil, "", malformed},
		{"query", "token=JWT%09query-secret", nil, "", malformed},
		{"query", "token=Bearer%20query-secret", nil, "", malformed},
		{"query", "token=query-secret%20", nil, "", malformed},
		{"query", "token=query-secret%00", nil, "", malformed},
		{"query", "token=JWT", nil, "", wrong}, // a value like any other
		{"query", "token=JWT%20", nil, "", malformed},
		{"query", "token=", nil, "", malformed},
		{"query", "token", nil, "", malformed},
		{"query", "token=wrong", nil, "", wrong},
		{"query", "token=query-secret&token=query-secret", nil, "", twice},
		{"query", "token=query-secret&tok%65n", nil, "", twice},
		{"query", "token=query-secret&Token=x", nil, "", twice},
		{"query", "token=query-secret&token[]=x", nil, "", twice},
		{"query", "token=query-secret&token.x=x", nil, "", twice},
		{"query", "Token=query-secret", nil, "", twice},
		{"query", "", []string{"Authorization: JWT query-secret"}, "", missing},
		{"query", "", nil, "", missing},
		{"bare", "key=bare-secret", nil, "", allow},
		{"bare", "key=JWT%20bare-secret", nil, "", malformed},

		{"cookie", "", cookie("a=b; session=cookie-secret; c=d"), "", allow},
		{"cookie", "", cookie("session=cookie-secret"), "", allow},
		{"cookie", "", cookie("session=JWT%20cookie-secret"), "", allow},
		{"cookie", "", cookie("session=jwt%20cookie-secret"), "", allow},
		{"cookie", "", cookie("session=Bearer%20cookie-secret"), "", malformed},
		{"cookie", "", cookie("session=JWT%20%20cookie-secret"), "", wrong},
		{"cookie", "", cookie("session="), "", malformed},
		{"cookie", "", cookie("session"), "", malformed},
		{"cookie", "", cookie(`session="cookie-secret"`), "", policy.MalformedRequest}, // backends differ on quotes
		{"cookie", "", cookie("session=wrong"), "", wrong},
		{"cookie", "", cookie("session=cookie-secret; session=cookie-secret"), "", twice},
		{"cookie", "", append(cookie("session=cookie-secret"), cookie("session=")...), "", twice},
		{"cookie", "", cookie("session=cookie-secret; SESSION=x"), "", twice},
		{"cookie", "", cookie("a=b"), "", missing},

		{"socket", "", protocol("bearer, socket-secret"), "", allow},
		{"socket", "", protocol("chat,bearer,socket-secret , more"), "", allow},
		{"socket", "", append(protocol("bearer"), protocol("socket-secret")...), "", allow},
		{"socket", "", protocol("Bearer, socket-secret"), "", allow},
		{"socket", "", protocol("bearer"), "", malformed},
		{"socket", "", protocol("bearer, "), "", malformed},
		{"socket", "", protocol("socket-secret, bearer"), "", malformed},
		{"socket", "", protocol("bearer, socket secret"), "", malformed},
		{"socket", "", protocol("bearer, wrong"), "", wrong},
		{"socket", "", protocol("bearer, socket-secret, bearer, socket-secret"), "", twice},
		{"socket", "", append(protocol("bearer, socket-secret"), "Sec_WebSocket_Protocol: bearer, x"), "", twice},
		{"socket", "", protocol("chat"), "", missing},

		{"body", "", []string{asJSON}, `{"auth":{"token":"body-secret"}}`, allow},
		{"body", "", []string{asJSON, asGzip}, zipped(t, `{"auth":{"token":"body-secret"}}`), allow},
		{"body", "", []string{asJSON}, `{"auth":{"token":""}}`, malformed},
		{"body", "", []string{asJSON}, `{"auth":{"token":"body-secret "}}`, malformed},
		{"body", "", []string{asJSON}, `{"auth":{"token":1}}`, malformed},
		{"body", "", []string{asJSON}, `{"auth":{"token":["body-secret"]}}`, malformed},
		{"body", "", []string{asJSON}, `{"auth":{"token":{}}}`, malformed},
		{"body", "", []string{asJSON}, `{"auth":{"token":"wrong"}}`, wrong},
		{"body", "", []string{asJSON}, `{"auth":{"token":null}}`, missing},
		{"body", "", []string{asJSON}, `{"auth":null}`, missing},
		{"body", "", []string{asJSON}, `{}`, missing},
		{"body", "", nil, "", missing},
		{"body", "", []string{asJSON}, `{"auth":"body-secret"}`, unread},
		{"body", "", []string{asJSON}, `{"auth":{"token":"body-secret","token":"body-secret"}}`, unread},
		{"body", "", []string{asJSON}, `{"auth":{"token":"body-secret","Token":"x"}}`, unread},
		{"body", "", []string{asJSON}, `{"auth":{"token":"body-secret"`, unread},
		{"body", "", nil, `{"auth":{"token":"body-secret"}}`, unread},
		{"field", "", []string{asForm}, "a=b&token=field-secret", allow},
		{"field", "", []string{asForm}, "token=", malformed},
		{"field", "", []string{asForm}, "token=field-secret&token=field-secret", twice},
		{"field", "", []string{asForm}, "token=field-secret&TOKEN=x", twice},
		{"field", "", []string{asForm}, "a=b", missing},
		{"field", "", []string{asForm}, "token=field-secret;a", unread},

		{"header", "", []string{"X-Api-Key: header-secret"}, "", allow},
		{"header", "", []string{"X-Api-Key: ApiKey header-secret"}, "", malformed},
		{"header", "", []string{"X-Api-Key:"}, "", malformed},
		{"header", "", []string{"X-Api-Key: header-secret", "X_Api_Key: header-secret"}, "", twice},

		{"all", "", []string{"Authorization: Bearer all-secret"}, "", allow},
		{"all", "t=all-secret", nil, "", allow},
		{"all", "", cookie("c=all-secret"), "", allow},
		{"all", "", protocol("p, all-secret"), "", allow},
		{"all", "", []string{asJSON}, `{"t":"all-secret"}`, allow},
		{"all", "t=all-secret", cookie("c=all-secret"), "", twice},
		{"all", "t=all-secret", []string{"X-Key: all-secret"}, "", twice},
		{"all", "t=", []string{"Authorization: Bearer all-secret"}, "", twice},
		{"all", "", append(protocol("p"), "X-Key: all-secret"), "", twice},
		{"all", "", []string{"X-Key: all-secret", asJSON}, `{"t":"all-secret"}`, twice},
		{"all", "", []string{"X-Key: all-secret", asJSON}, `{"t":1}`, twice},
		{"all", "", []string{"X-Key: all-secret", asJSON}, `{"t":null}`, allow},
		{"all", "", []string{"X-Key: all-secret", asJSON}, `{"t":`, unread},
	} {
		// Beside anonymous, what is not carried makes an anonymous visitor, and
		// everything else is as without.
		for _, suffix := range []string{"", "-or-none"} {
			target, want := "/"+test.route+suffix, test.want
			_, authorized := request(t, "GET /", test.header...).Header["Authorization"]
			if suffix != "" && want == missing && !authorized {
				want = allow
			}
			if test.query != "" {
				target += "?" + test.query
			}
			d := post(t, g, target, test.body, test.header...)
			if got := verdictOf(d).Reason; got != want {
				t.Errorf("%s %q %.80q: %v, want %v", target, test.header, test.body, d.Denial, want)
			}
			if want == allow && test.want == allow && verdictOf(d).Level != policy.Application {
				t.Errorf("%s: an anonymous visitor", target)
			}
		}
	}
}

func TestBodyIsReadForACredential(t *testing.T) {
	g := carrierGate(t)
	r := request(t, "POST /body", asJSON, "Content-Length: 10")
	r.Body = overloaded{}
	d := new(gate.Decision)
	g.Decide(t.Context(), r, d)
	if diff := cmp.Diff(deny(policy.Overloaded, "/body", ""), verdictOf(d)); diff != "" {
		t.Error(diff)
	}
}

// overloaded is a body that there is no room for.
type overloaded struct{ sent }

// ReadAll implements gate.Body.
func (overloaded) ReadAll(int64) ([]byte, error) { return nil, policy.Deny(policy.Overloaded, "") }
