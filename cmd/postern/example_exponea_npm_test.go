package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The client of npm that the README shows signs a token that verifies.
func TestExponeaReadmeSigns(t *testing.T) {
	modules := nodeModules(t, "../../examples/exponea/testdata")
	b, backend := startExponea(t)
	blocks, _ := readExample(t, exponeaFolder, "js")
	if len(blocks) != 1 {
		t.Fatalf("%d samples", len(blocks))
	}
	command := exec.CommandContext(t.Context(), "node", "-e", blocks[0])
	command.Env = append(os.Environ(), "NODE_PATH="+modules)
	token, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	c := sdkCall{"ios inbox", "POST", "/webxp/projects/acme/appinbox/fetch", nil, "Bearer " + strings.TrimSpace(string(token)),
		`{"customer_ids":{"cookie":"a","registered":"ada@example.com"}}`}
	if got := c.send(b); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := backend.next(t).header.Get("X-Customer-Ids"); got != `{"registered":"ada@example.com"}` {
		t.Errorf("the backend got %s", got)
	}
	c.body = strings.Replace(c.body, "ada@", "eve@", 1)
	if got := c.send(b); got.status != http.StatusForbidden {
		t.Errorf("%d %s", got.status, got.body)
	}
	backend.expectNone(t)
}

const writeKeyYAML = anyPort + `
upstreams: { data: { url: "${DATA}" } }
authenticators:
  write-key:
    type: token
    scheme: Basic
    basic: user
    tokens: [{ id: web, value: "a-write-key", attributes: { source: web } }]
identity_headers: { X-Source: "{attributes.source}" }
routes:
  - match: POST /v1/batch
    upstream: data
    authenticate: [write-key]
`

// The analytics client of npm sends its write key as the user of Basic, with
// an empty password.
func TestSegmentClient(t *testing.T) {
	modules := nodeModules(t, "../../examples/exponea/testdata")
	data := newSpy(t, nil)
	b := start(t, writeKeyYAML, map[string]string{"DATA": data.URL})
	const script = `
const { Analytics } = require('@segment/analytics-node');
const [host, writeKey] = process.argv.slice(1);
const analytics = new Analytics({ writeKey, host, maxRetries: 0 });
analytics.on('error', (e) => console.log('failed', e.reason.message));
analytics.track({ userId: 'ada', event: 'Paid' });
analytics.closeAndFlush().then(() => console.log('done'));
`
	track := func(writeKey string) string {
		command := exec.CommandContext(t.Context(), "node", "-e", script, "http://"+b.address, writeKey)
		command.Env = append(os.Environ(), "NODE_PATH="+modules)
		output, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(output)
	}
	if got := track("a-write-key"); got != "done\n" {
		t.Errorf("the client says %s", got)
	}
	got := data.next(t)
	if got.header.Get("X-Source") != "web" || got.header.Get("Authorization") != "" || !strings.Contains(got.body, `"event":"Paid"`) {
		t.Errorf("the backend got %+v", got)
	}
	if logged := b.log.next(t, "request"); logged["decision"] != "allow" || logged["credential_id"] != "web" {
		t.Errorf("logged %v", logged)
	}
	if got := track("another-write-key"); !strings.Contains(got, "[401]") {
		t.Errorf("the client says %s", got)
	}
	if logged := b.log.next(t, "request"); logged["reason"] != "unknown_token" {
		t.Errorf("logged %v", logged)
	}
	data.expectNone(t)
}

// nodeModules returns where scripts/test has installed the packages of folder.
func nodeModules(t *testing.T, folder string) string {
	t.Helper()
	needTool(t, "node")
	modules, err := filepath.Abs(filepath.Join(folder, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(modules); err != nil {
		lacking(t, modules)
	}
	return modules
}
