package config_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/config"
	"postern/keys"
)

// A rehearsal needs nothing but the configuration, and shares no secret with it.
func TestRehearse(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "postern.yaml")
	text := `
upstreams: { data: { url: "https://data.example.com", tls: { ca_file: no.crt } } }
admin: { listen: "0.0.0.0:1", token: { env: NO } }
server: { tls: { cert_file: no, key_file: no, client_ca_file: no } }
opaque_id: { key: { env: NO } }
identity_assertion: { issuer: i, keys: [{ id: k, file: no.pem }] }
authenticators:
  app: { type: token, scheme: Token, tokens: [{ id: a, value: configured-token }, { id: b, value: { file: no } }] }
  pair: { type: token, scheme: Basic, basic: pair, tokens: [{ id: p, value: { env: NO } }] }
  secret: { type: jwt, scheme: A, keys: { secrets: [{ id: s, value: configured-secret-of-32-bytes-or-more }, { id: t, value: { env: NO } }] }, algorithms: [HS256] }
  ring: { type: jwt, scheme: B, keys: { keyring_file: no.yaml, select: path.x }, algorithms: [HS256] }
  listed: { type: jwt, scheme: C, keys: { public_keys: [{ id: k1, file: no }, { id: k2, file: no }] }, algorithms: [ES256, EdDSA] }
  remote: { type: jwt, scheme: D, keys: { jwks_url: "https://idp.example.com/keys", tls: { ca_file: no } }, algorithms: [ES256], issuer: i, audience: a }
  filed: { type: jwt, scheme: F, keys: { secrets_file: no.yaml }, algorithms: [HS256] }
  hook: { type: signature, header: X-Sig, scheme: "", secrets: [{ id: h, value: { env: NO } }] }
  opaque: { type: introspection, scheme: E, url: "https://idp.example.com/", client_id: c, client_secret: { env: NO }, audience: a }
  client: { type: mtls }
routes: [{ match: /, upstream: data, authenticate: [app] }]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := config.Rehearse(file, map[string][]string{"ring": {"acme", "acme"}})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string][]string{}
	for name, s := range r.StandIns {
		ids[name] = nil
		for _, k := range s.Keys {
			ids[name] = append(ids[name], k.ID)
		}
		ids[name] = slices.AppendSeq(ids[name], maps.Keys(s.Tenants))
		for _, token := range s.Tokens {
			ids[name] = append(ids[name], token.ID)
			if strings.Contains(token.Credential, "configured") || len(token.Credential) < 32 {
				t.Errorf("%s: %s", name, token.Credential)
			}
		}
	}
	want := map[string][]string{
		"app": {"a", "b"}, "pair": {"p"}, "secret": {"s", "t"}, "ring": {"acme"}, "listed": {"k1", "k1", "k2", "k2"},
		"remote": {"throw-away"}, "filed": {"throw-away"}, "hook": {"h"}, "opaque": nil, "client": nil,
	}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Its header is as reserved as ever.
	if r.Asserter == nil || !slices.Contains(r.IdentityHeaderNames(), "X-Identity-Assertion") {
		t.Errorf("nobody asserts identities; reserved are %v", r.IdentityHeaderNames())
	}
	if r.ServerTLS.ClientCAs == nil || r.StaticKeys["client"].Len() != 1 || r.OpaqueIDs == nil || len(r.Remotes) != 0 {
		t.Error("something has no stand-in")
	}
}

// Two authenticators with the same secret or the same keys have the same throw-away
// ones, too: what keeps their tokens apart must not be the rehearsal's doing.
func TestRehearseSharesWhatIsShared(t *testing.T) {
	file := filepath.Join(t.TempDir(), "postern.yaml")
	text := `
upstreams: { data: { url: "http://127.0.0.1:1" } }
authenticators:
  s1: { type: jwt, scheme: A, keys: { secrets: [{ id: x, value: { env: ONE } }] }, algorithms: [HS256] }
  s2: { type: jwt, scheme: B, keys: { secrets: [{ id: y, value: { env: ONE } }] }, algorithms: [HS256] }
  s3: { type: jwt, scheme: C, keys: { secrets: [{ id: x, value: { env: TWO } }] }, algorithms: [HS256] }
  p1: { type: jwt, scheme: D, keys: { public_keys: [{ id: x, file: one.pem }] }, algorithms: [ES256] }
  p2: { type: jwt, scheme: E, keys: { public_keys: [{ id: y, file: one.pem }] }, algorithms: [EdDSA, ES256] }
  p3: { type: jwt, scheme: F, keys: { public_keys: [{ id: x, file: two.pem }] }, algorithms: [ES256] }
  u1: { type: jwt, scheme: G, keys: { jwks_url: "https://idp.example.com/a" }, algorithms: [ES256], issuer: i, audience: a }
  u2: { type: jwt, scheme: H, keys: { jwks_url: "https://idp.example.com/a" }, algorithms: [ES256], issuer: j, audience: b }
  u3: { type: jwt, scheme: I, keys: { jwks_url: "https://idp.example.com/b" }, algorithms: [ES256], issuer: i, audience: a }
routes: [{ match: /, upstream: data, authenticate: [s1] }]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := config.Rehearse(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	verifies := func(by, signed, algorithm string) bool {
		set := r.StandIns[by].Public
		if set == nil {
			set = r.StaticKeys[by]
		}
		candidates, err := set.Candidates("", "", algorithm, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		signers := r.StandIns[signed].Keys
		i := slices.IndexFunc(signers, func(k *keys.MintKey) bool { return k.Fits(algorithm) })
		signature, err := signers[i].Sign(algorithm, "a.b")
		return err == nil && candidates[0].Verify(algorithm, "a.b", signature) == nil
	}
	for _, c := range []struct{ prefix, algorithm string }{{"s", "HS256"}, {"p", "ES256"}, {"u", "ES256"}} {
		if !verifies(c.prefix+"1", c.prefix+"2", c.algorithm) || verifies(c.prefix+"1", c.prefix+"3", c.algorithm) {
			t.Errorf("%s1 should take tokens of %s2, and not of %s3", c.prefix, c.prefix, c.prefix)
		}
	}
}

// What says who may do what must be there, and be right.
func TestRehearseRefuses(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "postern.yaml")
	for name, c := range map[string]struct{ authenticator, want string }{
		"a missing list of tokens": {`{ type: token, scheme: Token, tokens_file: no.yaml }`, "FILE:3:49: authenticators.a.tokens_file: stat DIR/no.yaml: no such file or directory"},
		"a broken ring":            {`{ type: jwt, keys: { keyring_file: broken.yaml, select: path.x }, algorithms: [HS256] }`, "DIR/broken.yaml:1:4: a: wants a list, got a number"},
		"a wrong algorithm":        {`{ type: jwt, keys: { public_keys: [{ id: k, file: no }] }, algorithms: [ES257, HS256] }`, "FILE:3:78: authenticators.a.algorithms[0]: wants HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA\nFILE:3:85: authenticators.a.algorithms[1]: HS256 does not fit the kind of keys: HS256, HS384 and HS512 go with secrets, all others with public keys"},
		"no keys":                  {`{ type: jwt, algorithms: [ES256] }`, "FILE:3:3: authenticators.a.keys: wants exactly one of secrets, secrets_file, public_keys, jwks_file, jwks_url, discovery, x509_url and keyring_file"},
	} {
		text := "upstreams: { data: { url: \"http://127.0.0.1:1\" } }\nauthenticators:\n  a: " + c.authenticator + "\nroutes: [{ match: \"/{x}\", upstream: data, authenticate: [a] }]\n"
		for name, content := range map[string]string{"postern.yaml": text, "broken.yaml": "a: 1"} {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := config.Rehearse(file, nil)
		got := ""
		if err != nil {
			got = strings.ReplaceAll(strings.ReplaceAll(err.Error(), file, "FILE"), folder, "DIR")
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
