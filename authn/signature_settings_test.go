package authn_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

func TestSignatureSettingsCheck(t *testing.T) {
	type settings = authn.SignatureSettings
	for name, test := range map[string]struct {
		edit func(s *settings)
		want []string
	}{
		"no fault":            {func(*settings) {}, nil},
		"customer in a body":  {func(s *settings) { s.CustomerID = reference(t, "body.entry[0].id") }, nil},
		"time in a body":      {func(s *settings) { s.Timestamp, s.Tolerance = reference(t, "body.ts"), duration(1) }, nil},
		"customer elsewhere":  {func(s *settings) { s.CustomerID = reference(t, "query.user") }, []string{"hook.customer_id: query.user is no part of the signed message, so that a client could choose it"}},
		"time elsewhere":      {func(s *settings) { s.Timestamp = reference(t, "header.X-Ts") }, []string{"hook.timestamp: header.X-Ts is no part of the signed message, so that a client could choose it"}},
		"customer of a token": {func(s *settings) { s.CustomerID = reference(t, "claims.sub") }, []string{"hook.customer_id: claims.sub cannot name the customer: use a part of the signed message, such as body.user_id"}},
		"the method":          {func(s *settings) { s.CustomerID = reference(t, "method") }, []string{"hook.customer_id: method cannot name the customer: use a part of the signed message, such as body.user_id"}},
		"another part of the body": {func(s *settings) {
			s.Message, s.CustomerID = message(t, "{body.email}"), reference(t, "body.user_id")
		}, []string{"hook.customer_id: body.user_id is no part of the signed message, so that a client could choose it"}},
		"the same part": {func(s *settings) {
			s.Message, s.CustomerID = message(t, "{body.user_id}"), reference(t, "body.user_id")
		}, nil},
		"how and where": {func(s *settings) { s.Message = message(t, "{method} {host}") }, []string{
			"hook.message: names nothing but method, host and timestamp: one signature would be good for every request of its time",
		}},
		"when": {func(s *settings) {
			s.Message, s.Timestamp = message(t, "v0:{header.X-Ts}:{method}"), reference(t, "header.X-Ts")
		}, []string{"hook.message: names nothing but method, host and timestamp: one signature would be good for every request of its time"}},
		"when and what": {func(s *settings) {
			s.Message, s.Timestamp = message(t, "{header.X-Ts}:{header.X-Id}"), reference(t, "header.X-Ts")
		}, nil},
		"lone tolerance": {func(s *settings) { s.Tolerance = duration(1) }, []string{"hook.tolerance: says nothing without timestamp"}},
		"no tolerance":   {func(s *settings) { s.Timestamp, s.Tolerance = reference(t, "body.ts"), duration(0) }, []string{"hook.tolerance: wants more than 0s"}},
		"prefix":         {func(s *settings) { s.Prefix = "sha256= " }, []string{"hook.prefix: no credential holds white space or anything but ASCII"}},
		"no carrier": {func(s *settings) { s.Header = "" }, []string{
			`hook: scheme is missing: name the word before the value, or write scheme: "" for a bare one`,
		}},
		"no secrets":    {func(s *settings) { s.Secrets = nil }, []string{"hook: secrets is missing"}},
		"an empty list": {func(s *settings) { s.Secrets = []keys.SecretSettings{} }, nil},
		"secrets alike": {func(s *settings) {
			s.Secrets[0].ID = "s2"
			s.Secrets = append(s.Secrets, channelSecrets("", channelSecret)[1])
		}, []string{`hook.secrets[1].id: "s2" stands twice`}},
		"a short secret":    {func(s *settings) { s.Secrets[0].Value.Literal = "short" }, []string{"hook.secrets[0].value: the secret is shorter than 32 bytes and can be guessed (allow_weak_secret: true accepts it)"}},
		"short but allowed": {func(s *settings) { s.Secrets[0].Value.Literal, s.AllowWeakSecret = "short", true }, nil},
	} {
		s := new(settings)
		s.SetDefaults()
		s.Header, s.Secrets = "X-Signature", channelSecrets(channelSecret)
		test.edit(s)
		var problems policy.Problems
		s.Check(policy.Path{"hook"}, &problems)
		s.Load(policy.Path{"hook"}, keys.Loader{}, &problems)
		if diff := cmp.Diff(test.want, messages(problems)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestParseMessageRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "the message names no part of the request: one signature would be good for all",
		"v0":                      "the message names no part of the request: one signature would be good for all",
		"{body":                   `"{body" holds a { without }`,
		"body}":                   `"body}" holds a } without {`,
		"{body}}":                 `"{body}}" holds a } without {`,
		"{body}:{body}":           `"{body}:{body}" names the body twice`,
		"{header.X-Ts}{body}":     `"{header.X-Ts}{body}" has two references side by side: what is the end of one could be signed as the beginning of the other`,
		"{body.a}:{body.b}{body}": `"{body.a}:{body.b}{body}" has two references side by side: what is the end of one could be signed as the beginning of the other`,
		"{}":                      `"" is no reference: there is no ""`,
		"{bdy}":                   `"bdy" is no reference: there is no "bdy"`,
		"{claims.sub}":            "claims.sub is no part of what a client sends",
		"{request_id}":            "request_id is no part of what a client sends",
		"{header.X_Ts}":           `"header.X_Ts": use letters, digits and hyphens only in a header's name, since backends read other names alike`,
	} {
		var got string
		if _, err := authn.ParseMessage(text); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestSignatureReads(t *testing.T) {
	a := newSignature(t, func(s *authn.SignatureSettings) {
		s.Message = message(t, "{method} {header.X-Ts} {body}")
		s.Timestamp, s.CustomerID = reference(t, "header.X-Ts"), reference(t, "body.user_id")
	})
	var got []string
	for _, ref := range a.Reads() {
		got = append(got, ref.String())
	}
	if diff := cmp.Diff([]string{"method", "header.X-Ts", "body.user_id"}, got); diff != "" {
		t.Error(diff)
	}
}
