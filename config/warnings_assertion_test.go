package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Two upstreams with one audience could pass assertions on to each other.
func TestAudienceWarnings(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	asserts := `identity_assertion: { issuer: postern, keys: [{ id: k, file: "` + file + `" }] }`
	for name, test := range map[string]struct {
		asserts, chat, data string
		want                []string
	}{
		"their names":      {asserts, "", "", nil},
		"their own":        {asserts, ", audience: a", ", audience: b", nil},
		"names exchanged":  {asserts, ", audience: data", ", audience: chat", nil},
		"the same":         {asserts, ", audience: a", ", audience: a", []string{`upstreams.data: its audience, "a", is that of chat too: an assertion for one is good for the other`}},
		"another's name":   {asserts, "", ", audience: chat", []string{`upstreams.data: its audience, "chat", is that of chat too: an assertion for one is good for the other`}},
		"nobody's concern": {"", "", "", nil},
	} {
		c := loadWithRing(t, test.asserts+`
upstreams: { chat: { url: "http://127.0.0.1:1"`+test.chat+` }, data: { url: "http://127.0.0.1:2"`+test.data+` } }
routes: [{ match: /chat, upstream: chat, authenticate: [anonymous] }, { match: /data, upstream: data, authenticate: [anonymous] }]
`, "{}")
		if diff := cmp.Diff(test.want, c.Warnings(exampleTime)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
