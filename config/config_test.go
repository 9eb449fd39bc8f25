package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/config"
)

func noEnv(string) (string, bool) { return "", false }

// Each file of testdata/bad is reported in full, word for word.
func TestBadConfigurations(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, err := config.Load(file, noEnv)
			if _, ok := errors.AsType[config.Errors](err); !ok {
				t.Fatalf("got %v", err)
			}
			got := err.Error() + "\n"
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if flag.Lookup("update").Value.String() == "true" {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is no regular file is not read: some never end, some wait for a writer.
func TestLoadRefusesWhatIsNoFile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"/dev/zero", pipe, t.TempDir()} {
		want := file + " is not a regular file"
		if _, err := config.Load(file, noEnv); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

const exampleFile = "../config.example.yaml"

func exampleEnv(name string) (string, bool) {
	switch name {
	case "PROJECT_TOKEN", "CLIENT_SECRET", "WIDGET_SECRET", "CHANNEL_SECRET", "OLD_CHANNEL_SECRET":
		return strings.Repeat(name, 8), true
	}
	return strings.Repeat(name, 8), false
}

func TestExample(t *testing.T) {
	c, err := config.Load(exampleFile, exampleEnv)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"identity_headers.X-Customer-Email: claims.email looks like an e-mail address: {opaque_id} tells customers apart and says nothing else of them"}
	if diff := cmp.Diff(want, c.Warnings(exampleTime)); diff != "" || len(c.Routes) != 5 {
		t.Errorf("%d routes, warnings (-want +got):\n%s", len(c.Routes), diff)
	}
}

// What the example shows in comments works, too, where it stands in the place
// of what is shown there.
func TestExampleComments(t *testing.T) {
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, content := range map[string]string{
		"keys.json": exampleJWKS, "issuer.pem": examplePEM, "ca.crt": exampleCertificate, "client.crt": exampleCertificate, "server.crt": exampleCertificate, "server.key": exampleKey, "client.key": exampleKey,
		"assertion.pem": exampleKey, "secrets.yaml": exampleSecrets,
		"tokens.yaml": exampleTokens, "ring.yaml": exampleRing, "revoked.yaml": exampleRevoked,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	commented := regexp.MustCompile(`(?m)^ *# ([a-z_]+):.*$`)
	replaces := map[string]string{
		"header":    "    scheme: Token  ",
		"discovery": "      jwks_url:", "x509_url": "      jwks_url:",
		"jwks_file": jwksURLLines, "public_keys": jwksURLLines,
		"allow_any_issuer": "    issuer:", "allow_any_audience": "    audience:", "audience_all": "",
		"tokens_file": "    (tokens:$|  - .*mobile|    (value|attributes|not_before|not_after):)", "keys": "    (keys:$\n|  secrets:|    - .*WIDGET)",
	}
	seen := 0
	for _, place := range commented.FindAllStringSubmatchIndex(string(data), -1) {
		key := string(data[place[2]:place[3]])
		text := string(data[:place[0]]) + strings.Replace(string(data[place[0]:place[1]]), "# ", "", 1) + string(data[place[1]:])
		if old := replaces[key]; old != "" {
			text = regexp.MustCompile(`(?m)^`+old+`.*\n`).ReplaceAllString(text, "")
		}
		switch key {
		case "basic":
			text = strings.Replace(text, "scheme: Token", "scheme: Basic", 1)
		case "customer_id":
			text = strings.ReplaceAll(text, "{ project: acme }", "{ project: acme, user: u1 }")
		case "client_certificate":
			text = strings.Replace(text, "# tls: { cert_file: server.crt", "tls: { cert_file: server.crt", 1)
		case "jwks_file", "public_keys":
			text = strings.Replace(text, "[RS256, ES256]", "[RS256]", 1)
		}
		file := filepath.Join(folder, "postern.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		env := func(name string) (string, bool) {
			value, ok := exampleEnv(name)
			if name == "OPAQUE_ID_KEY" {
				return strings.Repeat("0f", 64), true
			}
			return value + "0123456789abcdef", ok || name == "ADMIN_TOKEN"
		}
		if _, err := config.Load(file, env); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		seen++
	}
	if seen < 12 {
		t.Errorf("only %d keys in comments were found", seen)
	}
}

const jwksURLLines = `      (jwks_url|refresh|timeout|max_bytes|max_stale|required|allow_insecure_http):`
