package authn_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"postern/authn"
	"postern/policy"
)

// TestIntrospectionAnswers: what a server can say of a token, and what is made of
// it. Only active: false, and what the settings ask for, is the customer's fault.
func TestIntrospectionAnswers(t *testing.T) {
	const outage = policy.IntrospectionUnavailable
	for _, test := range []struct {
		name, answer string
		want         policy.Reason
	}{
		{"active", `{"active":true,"aud":"chat","sub":"ann"}`, policy.ReasonNone},
		{"one of several audiences", `{"active":true,"aud":["data","chat"],"sub":"ann"}`, policy.ReasonNone},
		{"all that is asked for", `{"active":true,"aud":"chat","sub":"ann","iss":"https://idp.example","scope":"chat:read chat:write","realm":"shop","exp":1000001,"nbf":999999,"iat":999999}`, policy.ReasonNone},
		{"inactive", `{"active":false}`, policy.InactiveToken},
		{"inactive with more", `{"active":false,"aud":"chat","sub":"ann"}`, policy.InactiveToken},

		{"active as a text", `{"active":"true","aud":"chat","sub":"ann"}`, outage},
		{"active as a number", `{"active":1,"aud":"chat","sub":"ann"}`, outage},
		{"active null", `{"active":null,"aud":"chat","sub":"ann"}`, outage},
		{"active missing", `{"aud":"chat","sub":"ann"}`, outage},
		{"active in upper case", `{"ACTIVE":true,"aud":"chat","sub":"ann"}`, outage},
		{"active twice", `{"active":false,"active":true,"aud":"chat","sub":"ann"}`, outage},
		{"customer twice", `{"active":true,"aud":"chat","sub":"ann","sub":"bob"}`, outage},
		{"a list", `[{"active":true}]`, outage},
		{"two objects", `{"active":true,"aud":"chat","sub":"ann"}{}`, outage},
		{"cut off", `{"active":true,"aud":"chat","sub":"ann"`, outage},
		{"HTML", `<html>login</html>`, outage},
		{"nothing", ``, outage},
		{"invalid UTF-8", "{\"active\":true,\"aud\":\"chat\",\"sub\":\"a\xff\"}", outage},
		{"exp as a text", `{"active":true,"aud":"chat","sub":"ann","exp":"soon"}`, outage},
		{"exp out of range", `{"active":true,"aud":"chat","sub":"ann","exp":1e400}`, outage},

		{"another audience", `{"active":true,"aud":"billing","sub":"ann"}`, policy.WrongAudience},
		{"no audience", `{"active":true,"sub":"ann"}`, policy.WrongAudience},
		{"no customer", `{"active":true,"aud":"chat"}`, policy.MissingClaim},
		{"an empty customer", `{"active":true,"aud":"chat","sub":""}`, policy.MissingClaim},
		{"expired", `{"active":true,"aud":"chat","sub":"ann","exp":999000}`, policy.TokenExpired},
		{"not yet valid", `{"active":true,"aud":"chat","sub":"ann","nbf":1001000}`, policy.TokenNotYetValid},
		{"issued in the future", `{"active":true,"aud":"chat","sub":"ann","iat":1001000}`, policy.IssuedInFuture},
	} {
		i := newIntrospection(t, &server{answer: func(string) string { return test.answer }}, nil)
		if _, got := verify(t, i, "a-long-and-opaque-token"); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	strict := func(s *authn.IntrospectionSettings) {
		s.Issuer, s.Scopes = policy.OneOrMore[string]{"https://idp.example"}, policy.OneOrMore[string]{"chat:read"}
		s.Claims = map[string]any{"client_id": "app"}
		s.Audience = nil
	}
	for answer, want := range map[string]policy.Reason{
		`{"active":true,"sub":"ann","iss":"https://idp.example","scope":"chat:read","client_id":"app"}`:  policy.ReasonNone,
		`{"active":true,"sub":"ann","iss":"https://idp.example/","scope":"chat:read","client_id":"app"}`: policy.WrongIssuer,
		`{"active":true,"sub":"ann","scope":"chat:read","client_id":"app"}`:                              policy.WrongIssuer,
		`{"active":true,"sub":"ann","iss":"https://idp.example","scope":"chat","client_id":"app"}`:       policy.InsufficientScope,
		`{"active":true,"sub":"ann","iss":"https://idp.example","scope":"chat:read","client_id":"two"}`:  policy.ClaimNotAllowed,
		`{"active":true,"sub":"ann","iss":"https://idp.example","scope":"chat:read"}`:                    policy.MissingClaim,
	} {
		i := newIntrospection(t, &server{answer: func(string) string { return answer }}, strict)
		if _, got := verify(t, i, "a-long-and-opaque-token"); got != want {
			t.Errorf("%s: %v, want %v", answer, got, want)
		}
	}
	for _, status := range []int{201, 204, 301, 400, 401, 403, 404, 429, 500, 503} {
		i := newIntrospection(t, &server{status: status, answer: active}, nil)
		if _, got := verify(t, i, "a-long-and-opaque-token"); got != outage {
			t.Errorf("status %d: %v", status, got)
		}
	}
}

// TestIntrospectionRequest: the question of RFC 7662, section 2.1, with the client's
// credentials as RFC 6749, section 2.3.1, has them, byte by byte.
func TestIntrospectionRequest(t *testing.T) {
	type question struct{ Method, Target, Type, Accept, Client, Secret, Token, Hint, FormID, FormSecret string }
	for auth, want := range map[string]question{
		"basic": {Client: "a%3Ab+%2F", Secret: "%25+%C3%BC%3A"},
		"post":  {FormID: "a:b /", FormSecret: "% ü:"},
	} {
		asked := make(chan question, 1)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			client, secret, _ := r.BasicAuth()
			asked <- question{r.Method, r.RequestURI, r.Header.Get("Content-Type"), r.Header.Get("Accept"), client, secret,
				r.PostFormValue("token"), r.PostFormValue("token_type_hint"), r.PostFormValue("client_id"), r.PostFormValue("client_secret")}
			_, _ = w.Write([]byte(active("x")))
		}))
		t.Cleanup(s.Close)
		settings := introspectionSettings(t, func(s *authn.IntrospectionSettings) { s.ClientID, s.ClientAuth = "a:b /", auth })
		settings.URL = s.URL + "/oauth/introspect?realm=a%2Fb"
		i := authn.NewIntrospection("opaque", settings, []byte("% ü:"), newCache(&observer{}), tokenBytes)
		t.Cleanup(i.Retire)
		// A token that could be taken for more than one parameter.
		if _, reason := verify(t, i, "a&token=b&client_id=c%20"); reason != policy.ReasonNone {
			t.Fatal(reason)
		}
		want.Method, want.Target = http.MethodPost, "/oauth/introspect?realm=a%2Fb"
		want.Type, want.Accept = "application/x-www-form-urlencoded", "application/json"
		want.Token, want.Hint = "a&token=b&client_id=c%20", "access_token"
		expect(t, auth, want, <-asked)
	}
}
