package config_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/config"
)

const certificatesYAML = `
server: { tls: { cert_file: server.crt, key_file: server.key, client_ca_file: server.crt } }
upstreams:
  data: { url: "https://127.0.0.1:1", tls: { ca_file: server.crt } }
  more: { url: "https://127.0.0.1:1", tls: { cert_file: server.crt, key_file: server.key } }
authenticators:
  web: { type: jwt, algorithms: [RS256], allow_any_issuer: true, allow_any_audience: true, keys: { jwks_url: "https://127.0.0.1:1", tls: { ca_file: server.crt } } }
routes: [{ match: /, upstream: data, authenticate: [web] }, { match: /more, upstream: more, authenticate: [web] }]
`

// A certificate is worth a warning two weeks before its end, wherever it stands.
func TestCertificateWarnings(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{"postern.yaml": certificatesYAML, "server.crt": exampleCertificate, "server.key": exampleKey} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load(filepath.Join(folder, "postern.yaml"), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Date(2126, 10, 29, 3, 2, 32, 0, time.UTC)
	for at, verb := range map[time.Time]string{
		end.Add(-14 * 24 * time.Hour):               "",
		end.Add(-14*24*time.Hour + 2):               "ends", // an authority's last instant counts
		end.Add(-time.Second):                       "ends",
		end.Add(time.Second):                        "ended",
		time.Date(2130, 1, 1, 0, 0, 0, 0, time.UTC): "ended",
	} {
		var want []string
		for _, what := range []string{
			"server.tls.cert_file: the certificate", "server.tls.client_ca_file: the last certificate", "upstreams.data.tls.ca_file: the last certificate",
			"upstreams.more.tls.cert_file: the certificate", "authenticators.web.keys.tls.ca_file: the last certificate",
		} {
			if verb != "" {
				want = append(want, what+" "+verb+" at 2126-10-29T03:02:32Z")
			}
		}
		if diff := cmp.Diff(want, c.Warnings(at)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", at, diff)
		}
	}
}
