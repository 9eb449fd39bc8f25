package authn_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// successor is what a reload may have put in an authenticator's place, and what it
// says of an identity that was verified before.
type successor struct {
	authn.Authenticator
	want policy.Reason
}

// An authenticator vouches for what it would verify itself, for the same holder, and
// for nothing that it would refuse.
func TestVouch(t *testing.T) {
	const stands, ruled, unknown = policy.ReasonNone, policy.MissingCredential, policy.UnknownToken
	scheme := "Other"
	elsewhere := authn.CarrierSettings{Scheme: &scheme}

	token := hs256(t, `{"sub":"ann","aud":"chat","iat":1000000,"exp":1000300}`)
	one := func(change func(*keys.SecretSettings)) func(*authn.JWTSettings) {
		return func(s *authn.JWTSettings) { change(&s.Keys.Secrets[0]) }
	}
	newWeb := func(edit func(*authn.JWTSettings)) authn.Authenticator { return newJWT(t, edit) }
	selected := func(text string) *authn.JWT {
		s := keyringSettings(t, twoTenants(), text, "")
		return authn.NewJWT("web", s, loadRing(t, s), newCache(&observer{}), tokenBytes)
	}

	plain, named := static("plain", "plain-value"), static("other", "plain-value")
	windowed, described := plain, plain
	windowed.NotAfter = at.Add(time.Hour)
	described.Attributes = map[string]string{"project": "acme"}
	digest := sha256.Sum256([]byte("plain-value"))
	hashed := authn.StaticTokenSettings{ID: "plain", Value: keys.Value{SHA256: hex.EncodeToString(digest[:])}}
	newApp := func(tokens ...authn.StaticTokenSettings) authn.Authenticator {
		return newToken(t, authn.TokenSettings{Tokens: append([]authn.StaticTokenSettings{}, tokens...)})
	}

	asked := &server{answer: active}
	opaque := func(edit func(*authn.IntrospectionSettings)) authn.Authenticator {
		return newIntrospection(t, asked, edit)
	}
	own := newAPI(t)
	profile := func(edit func(*authn.ProfileSettings)) authn.Authenticator {
		return newProfile(t, profileSettings(t, own.URL+"/me", edit))
	}
	whose := func(customer string) authn.Authenticator {
		return newSignature(t, func(s *authn.SignatureSettings) { s.CustomerID = reference(t, customer) })
	}
	hook := func(edit func(*authn.SignatureSettings)) authn.Authenticator { return newSignature(t, edit) }

	root := certifyAuthority(t, nil, "root", at.Add(time.Hour))
	leaf := certify(t, root, x509.Certificate{NotBefore: at.Add(-time.Minute), NotAfter: at.Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	asIs := func(*authn.MTLSSettings) {}

	for _, test := range []struct {
		name   string
		before authn.Authenticator
		by     authn.Credential
		after  map[string]successor
	}{
		{"jwt", newWeb(nil), authn.Credential{Value: token}, map[string]successor{
			"the same":           {newWeb(nil), stands},
			"another place":      {newWeb(func(s *authn.JWTSettings) { s.CarrierSettings = elsewhere }), stands},
			"more secrets":       {newWeb(func(s *authn.JWTSettings) { s.Keys.Secrets = append(channelSecrets(secretOfA), s.Keys.Secrets...) }), stands},
			"other secrets":      {newWeb(func(s *authn.JWTSettings) { s.Keys.Secrets = channelSecrets(secretOfA) }), policy.UnknownKey},
			"the secret renamed": {newWeb(one(func(s *keys.SecretSettings) { s.ID = "other" })), stands},
			"the secret ends":    {newWeb(one(func(s *keys.SecretSettings) { s.NotAfter = at.Add(1) })), stands},
			"the secret ended":   {newWeb(one(func(s *keys.SecretSettings) { s.NotAfter = at })), policy.UnknownKey},
			"another's secret":   {newWeb(one(func(s *keys.SecretSettings) { s.Attributes = map[string]string{"project": "acme"} })), ruled},
			"its audience":       {newWeb(func(s *authn.JWTSettings) { s.Audience = policy.OneOrMore[string]{"chat", "data"} }), stands},
			"another audience":   {newWeb(func(s *authn.JWTSettings) { s.Audience = policy.OneOrMore[string]{"data"} }), policy.WrongAudience},
			"an issuer":          {newWeb(func(s *authn.JWTSettings) { s.Issuer = policy.OneOrMore[string]{"idp"} }), policy.WrongIssuer},
			"a claim of it":      {newWeb(func(s *authn.JWTSettings) { s.RequiredClaims = claimPaths(t, "sub") }), stands},
			"another claim":      {newWeb(func(s *authn.JWTSettings) { s.RequiredClaims = claimPaths(t, "email") }), policy.MissingClaim},
			"a scope":            {newWeb(func(s *authn.JWTSettings) { s.Scopes = policy.OneOrMore[string]{"chat"} }), policy.InsufficientScope},
			"an age":             {newWeb(func(s *authn.JWTSettings) { s.MaxAge = duration(time.Hour) }), stands},
			"a lifetime":         {newWeb(func(s *authn.JWTSettings) { s.MaxLifetime = duration(time.Hour) }), stands},
			"a shorter lifetime": {newWeb(func(s *authn.JWTSettings) { s.MaxLifetime = duration(time.Minute) }), policy.LifetimeTooLong},
			"a customer":         {newWeb(func(s *authn.JWTSettings) { s.CustomerID = reference(t, "claims.sub") }), ruled},
			"no such customer":   {newWeb(func(s *authn.JWTSettings) { s.CustomerID = reference(t, "claims.id") }), policy.MissingClaim},
			"another algorithm":  {newWeb(func(s *authn.JWTSettings) { s.Algorithms = []string{"HS512"} }), policy.AlgorithmNotAllowed},
			"a typ":              {newWeb(func(s *authn.JWTSettings) { s.Typ = "at+jwt" }), policy.ClaimNotAllowed},
			"keys from a ring":   {selected("claims.aud"), ruled},
			"another type of it": {newApp(plain), ruled},
		}},
		{"ring", selected("claims.aud"), authn.Credential{Value: signedBy(t, secretOfA, `{"alg":"HS256"}`, `{"aud":"A","exp":1000300}`)}, map[string]successor{
			"the same":           {selected("claims.aud"), stands},
			"selected otherwise": {selected("claims.sub"), ruled},
		}},
		{"token", newApp(plain), authn.Credential{Value: "plain-value"}, map[string]successor{
			"the same":           {newApp(plain), stands},
			"another beside it":  {newApp(static("web", "web-value"), plain), stands},
			"kept as a digest":   {newApp(hashed), stands},
			"removed":            {newApp(), unknown},
			"another value":      {newApp(static("plain", "other-value")), unknown},
			"another id":         {newApp(named), stands},
			"an end":             {newApp(windowed), stands},
			"attributes":         {newApp(described), ruled},
			"another type of it": {newWeb(nil), ruled},
		}},
		{"introspection", opaque(nil), authn.Credential{Value: "opaque-token"}, map[string]successor{
			"the same":       {opaque(nil), stands},
			"another place":  {opaque(func(s *authn.IntrospectionSettings) { s.CarrierSettings = elsewhere }), stands},
			"a new secret":   {opaque(func(s *authn.IntrospectionSettings) { s.ClientSecret = keys.Value{Literal: "another"} }), stands},
			"another server": {opaque(func(s *authn.IntrospectionSettings) { s.URL = "http://127.0.0.1:2/introspect" }), ruled},
			"another client": {opaque(func(s *authn.IntrospectionSettings) { s.ClientID = "other" }), ruled},
			"a longer wait":  {opaque(func(s *authn.IntrospectionSettings) { s.Timeout *= 2 }), stands},
			"its audience":   {opaque(func(s *authn.IntrospectionSettings) { s.Audience = policy.OneOrMore[string]{"chat", "data"} }), stands},
			"a scope":        {opaque(func(s *authn.IntrospectionSettings) { s.Scopes = policy.OneOrMore[string]{"admin"} }), policy.InsufficientScope},
		}},
		{"profile", profile(nil), authn.Credential{Value: "opaque-token"}, map[string]successor{
			"the same":      {profile(nil), stands},
			"another place": {profile(func(s *authn.ProfileSettings) { s.CarrierSettings = elsewhere }), stands},
			"a longer wait": {profile(func(s *authn.ProfileSettings) { s.Timeout *= 2 }), stands},
			"another path":  {profile(func(s *authn.ProfileSettings) { s.URL = *profileTemplate(t, own.URL+"/you") }), ruled},
			"a customer":    {profile(func(s *authn.ProfileSettings) { s.CustomerID = reference(t, "profile.name") }), ruled},
		}},
		{"signature", hook(nil), authn.Credential{Value: hmacHex("body"), Request: webhook{body: "body"}}, map[string]successor{
			"the same":      {hook(nil), stands},
			"another place": {hook(func(s *authn.SignatureSettings) { s.Header = "X-Hub-Signature" }), stands},
			"more secrets":  {hook(func(s *authn.SignatureSettings) { s.Secrets = channelSecrets(secret, channelSecret) }), stands},
			"other secrets": {hook(func(s *authn.SignatureSettings) { s.Secrets = channelSecrets(secret) }), policy.UnknownKey},
			"a prefix":      {hook(func(s *authn.SignatureSettings) { s.Prefix = "v1=" }), ruled},
			"a message":     {hook(func(s *authn.SignatureSettings) { s.Message = message(t, "v0:{body}") }), ruled},
		}},
		{"signature for a customer", whose("body.user_id"), authn.Credential{Value: hmacHex("body"), Request: webhook{body: "body", texts: map[string][]string{"body.user_id": {"ann"}}}}, map[string]successor{
			"the same":         {whose("body.user_id"), stands},
			"another customer": {whose("body.id"), ruled},
		}},
		{"mtls", newMTLS(t, asIs, root), authn.Credential{Chains: [][]*x509.Certificate{{leaf.Certificate, root.Certificate}}}, map[string]successor{
			"the same":          {newMTLS(t, asIs, root), stands},
			"another beside it": {newMTLS(t, asIs, certifyAuthority(t, nil, "other", at.Add(time.Hour)), root), stands},
			"it is renewed":     {newMTLS(t, asIs, recertify(t, root, at.Add(2*time.Hour))), stands},
			"other authorities": {newMTLS(t, asIs, certifyAuthority(t, nil, "root", at.Add(time.Hour))), policy.UnknownKey},
			"a customer":        {newMTLS(t, func(s *authn.MTLSSettings) { s.CustomerID = reference(t, "certificate.serial") }, root), ruled},
			"no such customer":  {newMTLS(t, func(s *authn.MTLSSettings) { s.CustomerID = reference(t, "certificate.subject.cn") }, root), policy.MissingClaim},
		}},
	} {
		v, _, err := test.before.Verify(t.Context(), test.by, at)
		if err != nil {
			t.Fatal(test.name, err)
		}
		if same, err := test.before.Vouch(v, at); same != v {
			t.Errorf("%s: not by the one that verified it: %v", test.name, err)
		}
		for name, after := range test.after {
			now, err := after.Vouch(v, at)
			if got := policy.ReasonOf(err); got != after.want || (now == nil) != (err != nil) {
				t.Errorf("%s, %s: %v, want %v", test.name, name, got, after.want)
			}
		}
	}
}

// A provider may describe a key otherwise; whose tokens it signs, it must say as it
// did, and the token must still name it.
func TestVouchReadsWhatAKeySays(t *testing.T) {
	token := by(t, "RS256", rsaKey(), `{"alg":"RS256","kid":"k"}`)
	set := func(kid, algorithm, more string) authn.Authenticator {
		return newSetVerifier(t, keySet(strings.Replace(published(rsaKey(), kid, algorithm, "sig"), "{", "{"+more, 1)), "RS256")
	}
	v, reason := verify(t, set("k", "RS256", `"project":"acme",`), token)
	if reason != policy.ReasonNone {
		t.Fatal(reason)
	}
	for name, test := range map[string]struct {
		kid, algorithm, more string
		want                 policy.Reason
	}{
		"a thumbprint":      {"k", "RS256", `"x5t":"new","project":"acme",`, policy.ReasonNone},
		"no alg":            {"k", "", `"project":"acme",`, policy.ReasonNone},
		"another alg":       {"k", "PS256", `"project":"acme",`, policy.AlgorithmNotAllowed},
		"another kid":       {"other", "RS256", `"project":"acme",`, policy.UnknownKey},
		"another's":         {"k", "RS256", `"project":"other",`, policy.MissingCredential},
		"nobody's any more": {"k", "RS256", "", policy.MissingCredential},
	} {
		if _, err := set(test.kid, test.algorithm, test.more).Vouch(v, at); policy.ReasonOf(err) != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

// The end of an authority is that of what it vouches for. What is kept beyond that
// goes on with another certificate of the authority, and with none of a stranger's.
func TestVouchForAnEndedCertificate(t *testing.T) {
	asIs := func(*authn.MTLSSettings) {}
	end := at.Add(time.Hour)
	root := certifyAuthority(t, nil, "root", end)
	leaf := certify(t, root, x509.Certificate{NotBefore: at.Add(-time.Minute), NotAfter: end.Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	v, _, err := newMTLS(t, asIs, root).Verify(t.Context(), authn.Credential{Chains: [][]*x509.Certificate{{leaf.Certificate, root.Certificate}}}, at)
	if err != nil {
		t.Fatal(err)
	}
	later := end.Add(24 * time.Hour)
	if _, err := v.Vouched(later, nil); policy.ReasonOf(err) != policy.TokenExpired {
		t.Errorf("%v", err)
	}
	for authority, want := range map[*certified]policy.Reason{
		recertify(t, root, later.Add(time.Hour)):               policy.ReasonNone,
		certifyAuthority(t, nil, "root", later.Add(time.Hour)): policy.UnknownKey,
	} {
		if _, err := newMTLS(t, asIs, authority).Vouch(v, later); policy.ReasonOf(err) != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
}
