package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// promtool runs a command of Prometheus's own tool.
func promtool(t *testing.T, input string, arguments ...string) {
	t.Helper()
	needTool(t, "promtool")
	command := exec.CommandContext(t.Context(), "promtool", arguments...)
	command.Stdin = strings.NewReader(input)
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
}

func TestPromtoolChecksRules(t *testing.T) {
	promtool(t, "", "check", "rules", "--lint=all", "--lint-fatal", rulesFolder+"/rules.yml")
}

// The part of a configuration of Prometheus that the README shows is one, beside the
// rules.
func TestPromtoolChecksConfiguration(t *testing.T) {
	snippets, _ := readExample(t, "../../deploy", "yaml")
	rules, err := os.ReadFile(rulesFolder + "/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, content := range map[string][]byte{"prometheus.yml": []byte(snippets[0]), "rules.yml": rules} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	promtool(t, "", "check", "config", filepath.Join(folder, "prometheus.yml"))
}

func TestPromtoolTestsRules(t *testing.T) {
	promtool(t, "", append([]string{"test", "rules"}, ruleTests(t)...)...)
}

func TestPromtoolChecksMetrics(t *testing.T) {
	m := newMeasured(t)
	m.play(t)
	promtool(t, m.scrape(t), "check", "metrics")
}

func ruleTests(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(rulesFolder + "/*_test.yml")
	if err != nil || len(files) == 0 {
		t.Fatal("no tests of the rules", err)
	}
	return files
}

// Every alert has its words, and a test in which it fires and one in which it
// does not. What its words name is there when it fires.
func TestAlertsAreTested(t *testing.T) {
	var file struct {
		Tests []struct {
			Expressions []struct {
				Expr    string
				Samples []struct{ Labels string } `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		}
	}
	silent, firing := map[string]bool{}, map[string][]string{}
	alertName := regexp.MustCompile(`\balertname=~?"([^"]+)"`)
	for _, name := range ruleTests(t) {
		readYAML(t, name, &file)
		for _, test := range file.Tests {
			for _, e := range test.Expressions {
				for name := range strings.SplitSeq(alertName.FindStringSubmatch(e.Expr)[1], "|") {
					if len(e.Samples) == 0 {
						silent[name] = true
						continue
					}
					for _, pair := range matcher.FindAllStringSubmatch(e.Samples[0].Labels, -1) {
						firing[name] = append(firing[name], pair[1])
					}
				}
			}
		}
	}
	for _, r := range deployedRules(t) {
		if r.Alert == "" {
			continue
		}
		if !silent[r.Alert] || firing[r.Alert] == nil {
			t.Errorf("%s is not tested: silent %t, firing %t", r.Alert, silent[r.Alert], firing[r.Alert] != nil)
		}
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s has the severity %q", r.Alert, s)
		}
		for _, name := range []string{"summary", "description"} {
			if r.Annotations[name] == "" {
				t.Errorf("%s has no %s", r.Alert, name)
			}
			for _, used := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(r.Annotations[name], -1) {
				if !slices.Contains(firing[r.Alert], used[1]) {
					t.Errorf("%s of %s names %s, which it does not have", name, r.Alert, used[1])
				}
			}
		}
	}
}
