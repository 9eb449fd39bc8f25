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
)

const reportWalkYAML = `
server: { listen: "127.0.0.1:0", shutdown_delay: 0s }
admin: { listen: "127.0.0.1:0" }
upstreams: { data: { url: "${DATA}" } }
authenticators:
  customer-token:
    type: jwt
    keys: { secrets: [{ id: "1", value: widget-secret-of-thirty-two-bytes }] }
    algorithms: [HS256]
    customer_id: claims.sub
`

// The way from report to enforce is one that can be gone: every command of the
// README prints what stands below it.
func TestFromReportToEnforce(t *testing.T) {
	for _, tool := range []string{"curl", "jq", "promtool"} {
		needTool(t, tool)
	}
	snippets, _ := readExample(t, "../../deploy", "yaml")
	commands, answers := readExample(t, "../../deploy", "sh")
	if len(snippets) != 2 || len(commands) != 5 {
		t.Fatalf("%d snippets, %d commands", len(snippets), len(commands))
	}
	far := strings.NewReplacer("2027", "2099") // which is not over while this test is of use
	b := start(t, reportWalkYAML+far.Replace(snippets[1]), map[string]string{"DATA": newSpy(t, nil).URL})
	p := startPrometheus(t, b.admin)
	ada := "Authorization: Bearer " + widgetToken(t, jwt.MapClaims{"sub": map[string]string{"registered": "ada"}})
	fetch := func(id, credential string) int {
		r := b.request(http.MethodPost, "/webxp/projects/acme/appinbox/fetch", strings.NewReader(`{"customer_ids":{"registered":"`+id+`"}}`))
		setFields(t, r, []string{"Content-Type: application/json", credential})
		return b.exchange(r).status
	}
	for _, call := range [][2]string{{"ada", ada}, {"eve", ada}, {"bob", ada}, {"ada", "X-No: credential"}} {
		if status := fetch(call[0], call[1]); status != http.StatusOK {
			t.Errorf("%s is answered %d", call[0], status)
		}
		b.log.next(t, "request")
	}
	eventually(t, "a scrape", func() bool {
		samples, err := p.query(`sum(postern_decisions_total) == 4`)
		return err == nil && len(samples) > 0
	})
	folder := filepath.Dir(b.file)
	if err := os.WriteFile(filepath.Join(folder, "postern.log"), []byte(b.log.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	here := strings.NewReplacer("127.0.0.1:9180", b.admin, "127.0.0.1:9090", p.address)
	for i, text := range commands {
		command := exec.CommandContext(t.Context(), "sh", "-ec", here.Replace(text))
		command.Dir = folder
		output, err := command.CombinedOutput()
		if err != nil {
			t.Errorf("%s\n%v", text, err)
		}
		got := oneSpace(string(output))
		for line := range strings.Lines(far.Replace(answers[i])) {
			pattern := `(?m)^` + strings.ReplaceAll(regexp.QuoteMeta(oneSpace(line)), "…", ".*") + `$`
			if !regexp.MustCompile(pattern).MatchString(got) {
				t.Errorf("%s\nprints\n%s\nwant the line\n%s", text, output, line)
			}
		}
		if answers[i] == "" {
			t.Errorf("no answer is printed after\n%s", text)
		}
	}
	if status := fetch("eve", ada); status != http.StatusForbidden {
		t.Errorf("eve is answered %d in the end", status)
	}
}

// oneSpace returns lines whose columns are apart by one space.
func oneSpace(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}
