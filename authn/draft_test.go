package authn_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

func TestDraft(t *testing.T) {
	at := time.Unix(1793534400, 5e8)
	key := keys.NewMintKey("2026", []byte("secret"))
	base := authn.Draft{
		Header: map[string]any{"alg": "HS256", "kid": "2026", "typ": "JWT"},
		Claims: map[string]any{"iat": int64(1793534400), "exp": int64(1793534460)},
	}
	for name, c := range map[string]struct {
		settings authn.JWTSettings
		change   func(*authn.Draft)
	}{
		"nothing more": {authn.JWTSettings{}, func(*authn.Draft) {}},
		"typ":          {authn.JWTSettings{Typ: "at+jwt"}, func(d *authn.Draft) { d.Header["typ"] = "at+jwt" }},
		"issuer":       {authn.JWTSettings{Issuer: []string{"a", "b"}}, func(d *authn.Draft) { d.Claims["iss"] = "a" }},
		"audience":     {authn.JWTSettings{Audience: []string{"a", "b"}}, func(d *authn.Draft) { d.Claims["aud"] = "a" }},
		"all audiences": {authn.JWTSettings{Audience: []string{"a", "b"}, AudienceAll: []string{"c", "d"}},
			func(d *authn.Draft) { d.Claims["aud"] = []string{"c", "d", "a"} }},
		"an audience of all": {authn.JWTSettings{Audience: []string{"a", "b"}, AudienceAll: []string{"b"}},
			func(d *authn.Draft) { d.Claims["aud"] = "b" }},
		"scopes": {authn.JWTSettings{Scopes: []string{"read", "write"}}, func(d *authn.Draft) { d.Claims["scope"] = "read write" }},
		"fixed claims": {authn.JWTSettings{Claims: map[string]any{"a.b": "c", "roles[0]": "x", "all[*].y": 1}}, func(d *authn.Draft) {
			d.Claims["a"], d.Claims["roles"] = map[string]any{"b": "c"}, []any{"x"}
		}},
	} {
		c.settings.Algorithms = []string{"RS256", "HS256", "HS512"}
		want := authn.Draft{Header: maps.Clone(base.Header), Claims: maps.Clone(base.Claims)}
		c.change(&want)
		if diff := cmp.Diff(want, c.settings.Draft(key, at, time.Minute)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
	}
}

// What a key cannot sign with stays unsigned, as an attacker would send it.
func TestDraftSign(t *testing.T) {
	key := keys.NewMintKey("", []byte("secret"))
	for algorithm, signed := range map[any]bool{"HS256": true, "HS512": true, "RS256": false, "none": false, nil: false} {
		d := authn.Draft{Header: map[string]any{"alg": algorithm}, Claims: map[string]any{"n": json.Number("1.50"), "t": "<>"}}
		token, err := d.Sign(key)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(token, ".")
		claims, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil || len(parts) != 3 || (parts[2] != "") != signed {
			t.Errorf("%v: %s, %v", algorithm, token, err)
		}
		object, err := policy.ParseObject(claims)
		if diff := cmp.Diff(map[string]any{"n": json.Number("1.50"), "t": "<>"}, object); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	if _, err := (authn.Draft{Claims: map[string]any{"x": func() {}}}).Sign(key); err == nil {
		t.Error("signed what is no JSON")
	}
}
