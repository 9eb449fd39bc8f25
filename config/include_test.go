package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postern/config"
)

const includingConfig = `
upstreams: { chat: { url: "http://127.0.0.1:1" } }
authenticators:
  widget:
    type: jwt
    keys: { keyring_file: "${RING}", select: path.project }
    algorithms: [HS256]
  app:
    type: token
    scheme: Token
    tokens_file: "${TOKENS}"
routes: [{ match: "/{project}/", upstream: chat, authenticate: [widget, app] }]
`

// A file that another one names is YAML or JSON, and both start relative paths at
// the folder of the configuration.
func TestIncludedFiles(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	if err := os.Mkdir(filepath.Join(folder, "in"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("secret", "a-secret-of-thirty-two-bytes-or-more\n")
	const json = "{\n\t\"acme\": [\n\t\t{\"id\": \"1\", \"value\": {\"file\": \"secret\"}}\n\t],\n\t\"none\": []\n}\n"
	const yaml = "acme: [{ id: 1, value: { file: secret } }]\nnone: []\n"
	for name, test := range map[string]struct {
		ring, tokens string // paths
		keys         int
	}{
		"JSON":     {"in/ring.json", "in/tokens.json", 1},
		"YAML":     {"in/ring.yaml", "in/tokens.yaml", 1},
		"absolute": {write("in/ring.json", json), write("in/tokens.json", "[{\"id\": \"a\", \"value\": {\"file\": \"secret\"}}]"), 1},
		"empty":    {"in/none.json", "in/empty.json", 0},
	} {
		write("in/ring.yaml", yaml)
		write("in/tokens.yaml", "- { id: a, value: { file: secret } }\n")
		write("in/none.json", "{}")
		write("in/empty.json", "[]")
		text := strings.NewReplacer("${RING}", test.ring, "${TOKENS}", test.tokens).Replace(includingConfig)
		c, err := config.Load(write("postern.yaml", text), noEnv)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if rings, tokens := c.Rings["widget"].Len(), len(c.Authenticators["app"].Token.List()); rings != test.keys || tokens != test.keys {
			t.Errorf("%s: %d keys, %d tokens", name, rings, tokens)
		}
	}
}
