package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/config"
)

// exampleTime is before every date of the example.
var exampleTime = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

const warningsYAML = `
upstreams: { chat: { url: "http://127.0.0.1:1" } }
denials: { default: { body: "{}" }@denials@ }
authenticators:
  widget:
    type: jwt
    keys: { secrets: [{ id: a, value: a-secret-of-thirty-two-bytes-or-more }, { id: b, value: b-secret-of-thirty-two-bytes-or-more }@secrets@] }
    algorithms: [HS256]
  hook:
    type: signature
    header: X-Signature
    secrets: [{ id: a, value: a-secret-of-thirty-two-bytes-or-more, attributes: { channel: web } }@hook@]
  ring:
    type: jwt
    header: X-Ring
    keys: { keyring_file: ring.yaml, select: claims.project }
    algorithms: [HS256]
    customer_id: claims.sub
    customer_id_optional: true
  by-path: { type: jwt, header: X-Ring, keys: { keyring_file: ring.yaml, select: path.project }, algorithms: [HS256], issuer: i }
routes:
  - { match: /widget, upstream: chat, authenticate: [widget, hook], mode: report@until@ }
  - { name: path, match: "/{project}/", upstream: chat, authenticate: [by-path] }
  - { name: tenant, match: /tenant, upstream: chat, authenticate: [ring], consistency: [{ identity: tenant, request: query.project@rule@ }] }
`

func TestWarnings(t *testing.T) {
	const lenient = "routes.tenant: a request that names no tenant is let through with that of its token: no required rule compares the tenant of ring"
	for name, test := range map[string]struct {
		place, text string
		want        []string
	}{
		"none":                   {},
		"an idle format":         {"denials", `, idle: { body: "{}" }`, []string{"denials.idle: no route names this format"}},
		"report without end":     {"until", "", nil},
		"report that will end":   {"until", ", until: 2026-06-02", nil},
		"report that ends now":   {"until", ", until: 2026-06-01", []string{"routes./widget: until, 2026-06-01, has passed: the route refuses again"}},
		"report that ended":      {"until", ", until: 2026-05-31", []string{"routes./widget: until, 2026-05-31, has passed: the route refuses again"}},
		"secrets of other value": {"secrets", ", { id: c, value: A-secret-of-thirty-two-bytes-or-more }", nil},
		"secrets of one value": {"secrets", ", { id: c, value: b-secret-of-thirty-two-bytes-or-more }, { id: d, value: { value: Yi1zZWNyZXQtb2YtdGhpcnR5LXR3by1ieXRlcy1vci1tb3Jl, encoding: base64 } }", []string{
			`authenticators.widget: the secrets "b" and "c" have one value, so that to end one of them ends nothing`,
			`authenticators.widget: the secrets "b" and "d" have one value, so that to end one of them ends nothing`,
		}},
		"signatures of one value": {"hook", ", { id: c, value: a-secret-of-thirty-two-bytes-or-more, attributes: { channel: web } }", []string{
			`authenticators.hook: the secrets "a" and "c" have one value, so that to end one of them ends nothing`,
		}},
		"lenient rule":     {"rule", ", required: false", []string{lenient}},
		"a rule each":      {"rule", ", when: [customer] }, { identity: tenant, request: query.project, when: [application]", nil},
		"a lenient one":    {"rule", ", when: [customer] }, { identity: tenant, request: query.project, when: [application], required: false", []string{lenient}},
		"a required one":   {"rule", ", required: false }, { identity: tenant, request: header.X-Project", nil},
		"required of some": {"rule", ", required: false }, { identity: tenant, request: header.X-Project, when: [customer]", []string{lenient}},
	} {
		text := strings.Replace(warningsYAML, "@"+test.place+"@", test.text, 1)
		text = strings.NewReplacer("@secrets@", "", "@hook@", "", "@denials@", "", "@until@", "", "@rule@", "").Replace(text)
		c := loadWithRing(t, text, `acme: [{ id: "1", value: acme-secret-of-thirty-two-bytes-or-more }]`)
		if diff := cmp.Diff(test.want, c.Warnings(exampleTime)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Tenants are named, their secrets never; however many there are, there is little
// to read.
func TestWarnsOfSharedSecrets(t *testing.T) {
	const good = ": a token of one is good for the others"
	var many, pairs strings.Builder
	for i := range 7 {
		fmt.Fprintf(&many, "t%d: [{ id: \"1\", value: the-secret-of-thirty-two-bytes-or-more }]\n", i)
	}
	var first []string
	for i := range 12 {
		fmt.Fprintf(&pairs, "a%02d: &s%d [{ id: \"1\", value: secret-%032d }]\nb%02d: *s%d\n", i, i, i, i, i)
		if i < 10 {
			first = append(first, fmt.Sprintf("authenticators.ring: the tenants a%02d and b%02d have the same secret%s", i, i, good))
		}
	}
	for name, test := range map[string]struct {
		ring string
		want []string
	}{
		"of one tenant": {"acme: [{ id: \"1\", value: the-secret-of-thirty-two-bytes-or-more }, { id: \"2\", value: the-secret-of-thirty-two-bytes-or-more }]", nil},
		"many tenants":  {many.String(), []string{"authenticators.ring: the tenants t0, t1, t2 and 4 more have the same secret" + good}},
		"many secrets":  {pairs.String(), append(first, "authenticators.ring: 2 more secrets are those of several tenants")},
	} {
		text := strings.NewReplacer("@secrets@", "", "@hook@", "", "@denials@", "", "@until@", "", "@rule@", "", "keyring_file: ring.yaml, select: path", "keyring_file: other.yaml, select: path").Replace(warningsYAML)
		if diff := cmp.Diff(test.want, loadWithRing(t, text, test.ring).Warnings(exampleTime)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A list that is emptied withdraws all of its credentials: what is done with their
// attributes must not keep the file from being read.
func TestEmptiedListsAreHonoured(t *testing.T) {
	const text = `
upstreams: { chat: { url: "http://127.0.0.1:1" } }
authenticators:
  app: { type: token, scheme: Token, tokens: [] }
  widget: { type: jwt, keys: { secrets: [] }, algorithms: [HS256] }
  issuer: { type: jwt, header: X-Issuer, keys: { public_keys: [] }, algorithms: [RS256] }
  hook: { type: signature, header: X-Signature, secrets: [] }
identity_headers: { X-Project: "{attributes.project}" }
routes:
  - { match: /app, upstream: chat, authenticate: [app], consistency: [{ identity: attributes.project, request: query.a }] }
  - { match: /widget, upstream: chat, authenticate: [widget], consistency: [{ identity: attributes.project, request: query.a }] }
  - { match: /issuer, upstream: chat, authenticate: [issuer], consistency: [{ identity: attributes.project, request: query.a }] }
  - { match: /hook, upstream: chat, authenticate: [[hook, app]], identity_headers: { X-Channel: "{attributes.channel}" } }
`
	loadWithRing(t, text, "{}")
}

// loadWithRing loads a configuration that may name a key ring.
func loadWithRing(t *testing.T, text, ring string) *config.Config {
	t.Helper()
	folder := t.TempDir()
	for name, content := range map[string]string{"postern.yaml": text, "ring.yaml": ring, "other.yaml": "{}"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load(filepath.Join(folder, "postern.yaml"), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
