package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/config"
)

const personalConfig = `
opaque_id: { key: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }
upstreams: { data: { url: "http://127.0.0.1:1" } }
authenticators:
  web:
    type: jwt
    keys: { secrets: [] }
    algorithms: [HS256]
    customer_id: @customer_id@
  app:
    type: token
    scheme: Token
    tokens: [{ id: a, value: secret-a, attributes: { project: acme, owner: "@owner@" } }]
identity_headers: { X-Customer: "@global@" }
routes:
  - { match: /web, upstream: data, authenticate: [web], identity_headers: { X-Own: "@own@" }, consistency: [{ request: query.id, identity: @rule@ }] }
  - { match: /app, upstream: data, authenticate: [app] }
`

// writePersonal writes the configuration with some places filled in.
func writePersonal(t *testing.T, places map[string]string) (file string) {
	t.Helper()
	text := personalConfig
	for place, value := range map[string]string{
		"customer_id": "claims.sub", "owner": "ops", "global": "{opaque_id}", "own": "{level}", "rule": "opaque_id",
	} {
		if other, ok := places[place]; ok {
			value = other
		}
		text = strings.ReplaceAll(text, "@"+place+"@", value)
	}
	file = filepath.Join(t.TempDir(), "postern.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestPersonalDataIsWarnedOf(t *testing.T) {
	const (
		global = "identity_headers.X-Customer: "
		own    = "routes[0].identity_headers.X-Own: "
		rule   = "routes[0].consistency[0].identity: "
		hint   = ": {opaque_id} tells customers apart and says nothing else of them"
		email  = " looks like an e-mail address" + hint
		phone  = " looks like a phone number" + hint
		card   = " looks like a card number" + hint
	)
	for _, test := range []struct {
		places map[string]string
		want   []string
	}{
		{nil, nil},
		{map[string]string{"global": "{claims.email}"}, []string{global + "claims.email" + email}},
		{map[string]string{"own": "to {claims.contacts[0].emailAddress}"}, []string{own + "claims.contacts[0].emailAddress" + email}},
		{map[string]string{"own": "{claims.email} {claims.email} {claims.phone_number}"}, []string{own + "claims.email" + email, own + "claims.phone_number" + phone}},
		{map[string]string{"rule": "claims.msisdn"}, []string{rule + "claims.msisdn" + phone}},
		{map[string]string{"rule": `'claims["https://example.com/card-number"]'`}, []string{rule + `claims["https://example.com/card-number"]` + card}},
		{map[string]string{"own": "{claims.SSN}"}, []string{own + "claims.SSN looks like a social security number" + hint}},
		// What only says something of an address, or sounds alike.
		{map[string]string{"own": "{claims.email_verified} {claims.cardType} {claims.company} {claims.phone_country} {claims.mailbox} {claims.hotel}"}, nil},

		// An attribute has the values that the file gives it.
		{map[string]string{"global": "{attributes.owner}"}, nil},
		{map[string]string{"global": "{attributes.owner}", "owner": "ann@example.com"}, []string{global + "attributes.owner" + email}},
		{map[string]string{"global": "{attributes.owner}", "owner": "+44 (20) 7946-0958"}, []string{global + "attributes.owner" + phone}},
		{map[string]string{"global": "{attributes.owner}", "owner": "4111 1111 1111 1111"}, []string{global + "attributes.owner" + card}},
		{map[string]string{"global": "{attributes.owner}", "owner": "4111 1111 1111 1112"}, nil}, // no check digit
		{map[string]string{"global": "{attributes.owner}", "owner": "20261231"}, nil},
		{map[string]string{"own": "{attributes.owner}", "owner": "ann@example.com"}, nil}, // not on this route

		// The customer id is an e-mail address, but nobody is told.
		{map[string]string{"customer_id": "claims.email"}, nil},
		{map[string]string{"customer_id": "claims.email", "own": "{customer_id}", "global": "{customer_id}", "rule": "customer_id"},
			[]string{"authenticators.web.customer_id: claims.email" + email}},
	} {
		c, err := config.Load(writePersonal(t, test.places), noEnv)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, c.Warnings()); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.places, diff)
		}
	}
}
