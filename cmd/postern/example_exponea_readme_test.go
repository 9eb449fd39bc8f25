package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"go.yaml.in/yaml/v3"

	"postern/config"
)

const exponeaFolder = "../../examples/exponea"

// TestExponeaReadmeRuns follows the README: the backend, Postern, and each
// request with the answer that stands below it. Only the ports are others.
func TestExponeaReadmeRuns(t *testing.T) {
	needTool(t, "curl")
	needTool(t, "go")
	var exports strings.Builder
	blocks, _ := readExample(t, exponeaFolder, "sh")
	for _, block := range blocks {
		if strings.HasPrefix(block, "export ") {
			exports.WriteString(block)
		}
	}
	for _, match := range regexp.MustCompile(`(?m)^export (ACME\w+)=(.*)$`).FindAllStringSubmatch(exports.String(), -1) {
		t.Setenv(match[1], match[2])
	}
	b := start(t, exponeaText(t, "http://"+exampleBackend(t, exponeaFolder)), nil)

	page, err := os.ReadFile(exponeaFolder + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	pairs := regexp.MustCompile("(?ms)^```sh\n(curl .*?)^```\n\n```\n(.*?)^```$").FindAllStringSubmatch(string(page), -1)
	if want := strings.Count(string(page), "\ncurl "); len(pairs) != want || want == 0 {
		t.Fatalf("%d of %d requests have an answer", len(pairs), want)
	}
	for _, pair := range pairs {
		command := strings.ReplaceAll(pair[1], "127.0.0.1:8080", b.address)
		output, err := exec.CommandContext(t.Context(), "sh", "-c", exports.String()+command).Output()
		if err != nil {
			t.Errorf("%s\n%v", command, err)
			continue
		}
		for line := range strings.Lines(pair[2]) {
			if !strings.Contains(string(output), strings.TrimSuffix(line, "\n")) {
				t.Errorf("%s\nanswered:\n%s\nwithout %s", command, output, line)
			}
		}
	}
}

// Every snippet loads in its place, and says something that the file does not.
func TestExponeaReadmeSnippets(t *testing.T) {
	for name, value := range exponeaSecrets {
		t.Setenv(name, value)
	}
	snippets, _ := readExample(t, exponeaFolder, "yaml")
	if len(snippets) == 0 {
		t.Fatal("no snippets")
	}
	plain := exponeaText(t, "http://127.0.0.1:1")
	unchanged := withSnippet(t, plain, "{}")
	for _, snippet := range snippets {
		changed := withSnippet(t, plain, snippet)
		if changed == unchanged {
			t.Errorf("nothing changes:\n%s", snippet)
		}
		file := filepath.Join(t.TempDir(), "postern.yaml")
		if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(file, os.LookupEnv); err != nil {
			t.Errorf("%s\n%v", snippet, err)
		}
	}
}

// The snippet for apps that sign refuses customers who come without a token.
func TestExponeaSignedOnly(t *testing.T) {
	for name, value := range exponeaSecrets {
		t.Setenv(name, value)
	}
	backend := newSpy(t, nil)
	snippets, _ := readExample(t, exponeaFolder, "yaml")
	for _, snippet := range snippets {
		if !strings.Contains(snippet, "stream-read") {
			continue
		}
		b := start(t, withSnippet(t, exponeaText(t, backend.URL), snippet), nil)
		for _, target := range []string{"/webxp/streams/acme-stream/inappmessages", "/track/u/v1/customers/events?stream_id=acme-stream"} {
			for ids, status := range map[string]int{`{"cookie":"c"}`: http.StatusOK, `{"cookie":"c","registered":"ada@example.com"}`: http.StatusUnauthorized} {
				c := sdkCall{"ios", "POST", target, nil, visitor, `{"customer_ids":` + ids + `}`}
				if got := c.send(b); got.status != status {
					t.Errorf("%s: %s: %d %s", target, ids, got.status, got.header.Get("Postern-Reason"))
				}
			}
			backend.next(t)
			backend.expectNone(t)
		}
		return
	}
	t.Error("the README has no such snippet")
}

// The snippet for signed cookies holds the query and the path to the token.
func TestExponeaSignedCookie(t *testing.T) {
	for name, value := range exponeaSecrets {
		t.Setenv(name, value)
	}
	backend := newSpy(t, nil)
	snippets, _ := readExample(t, exponeaFolder, "yaml")
	for _, snippet := range snippets {
		if !strings.Contains(snippet, "claims.sub.cookie") {
			continue
		}
		b := start(t, withSnippet(t, exponeaText(t, backend.URL), snippet), nil)
		token := customerToken(t, jwt.MapClaims{"sub": map[string]string{"registered": "ada@example.com", "cookie": "adas"}})
		const link = `{"external_ids":{"registered":"ada@example.com"}}`
		for _, test := range []struct {
			name, method, target, token, body string
			status                            int
			reason                            string
		}{
			{"her segments", "GET", "/webxp/projects/acme/segments?cookie=adas", token, "", 200, ""},
			{"another's segments", "GET", "/webxp/projects/acme/segments?cookie=eves", token, "", 403, "identity_mismatch"},
			{"both", "GET", "/webxp/projects/acme/segments?cookie=adas&cookie=eves", token, "", 403, "identity_mismatch"},
			{"nobody's", "GET", "/webxp/projects/acme/segments", token, "", 403, "identity_missing"},
			{"without the cookie in the token", "GET", "/webxp/projects/acme/segments?cookie=adas", customerToken(t, nil), "", 401, "missing_claim"},
			{"with the app's token", "GET", "/webxp/projects/acme/segments?cookie=adas", appToken, "", 401, "missing_credential"},
			{"link her cookie", "POST", "/webxp/projects/acme/cookies/adas/link-ids", token, link, 200, ""},
			{"link another's cookie", "POST", "/webxp/projects/acme/cookies/eves/link-ids", token, link, 403, "identity_mismatch"},
			{"link another customer", "POST", "/webxp/projects/acme/cookies/adas/link-ids", token, strings.Replace(link, "ada@", "eve@", 1), 403, "identity_mismatch"},
		} {
			c := sdkCall{"ios " + test.name, test.method, test.target, nil, test.token, test.body}
			if got := c.send(b); got.status != test.status || got.header.Get("Postern-Reason") != test.reason {
				t.Errorf("%s: %d %s", test.name, got.status, got.header.Get("Postern-Reason"))
			}
			if test.status == http.StatusOK {
				backend.next(t)
			}
			backend.expectNone(t)
		}
		return
	}
	t.Fatal("no such snippet")
}

// withSnippet puts a snippet into a configuration: what it names changes, with
// routes told apart by their names.
func withSnippet(t testing.TB, text, snippet string) string {
	t.Helper()
	var whole, part map[string]any
	for text, into := range map[string]*map[string]any{text: &whole, snippet: &part} {
		if err := yaml.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%v in:\n%s", err, text)
		}
	}
	routes, _ := part["routes"].([]any)
	delete(part, "routes")
	overlay(whole, part)
	for _, changed := range routes {
		changed := changed.(map[string]any)
		found := false
		for _, r := range whole["routes"].([]any) {
			if r := r.(map[string]any); r["name"] == changed["name"] {
				overlay(r, changed)
				found = true
			}
		}
		if !found {
			t.Fatalf("there is no route %v", changed["name"])
		}
	}
	merged, err := yaml.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return string(merged)
}

func overlay(whole, part map[string]any) {
	for key, value := range part {
		below, ok := whole[key].(map[string]any)
		if change, isMap := value.(map[string]any); ok && isMap {
			overlay(below, change)
			continue
		}
		whole[key] = value
	}
}
