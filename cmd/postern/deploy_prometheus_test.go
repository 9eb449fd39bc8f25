package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// prometheusYAML scrapes one Postern and evaluates the rules, both as fast as a
// test wants it.
const prometheusYAML = `
global: { scrape_interval: 200ms, evaluation_interval: 200ms }
rule_files: [%q]
scrape_configs:
  - { job_name: postern, static_configs: [{ targets: [%q] }] }
`

// prometheus is a server of its own.
type prometheus struct {
	address string
	client  *http.Client
}

// startPrometheus runs Prometheus until the test ends.
func startPrometheus(t *testing.T, target string) *prometheus {
	t.Helper()
	needTool(t, "prometheus")
	rules, err := filepath.Abs(rulesFolder + "/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "prometheus.yml")
	if err := os.WriteFile(file, fmt.Appendf(nil, prometheusYAML, rules, target), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("prometheus", "--config.file="+file, "--storage.tsdb.path="+folder, "--web.listen-address=127.0.0.1:0")
	log, err := command.StderrPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	address, drained := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(drained)
		listening := regexp.MustCompile(`msg="Listening on" address=(\S+)`)
		lines := bufio.NewReader(log)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if match := listening.FindStringSubmatch(line); match != nil {
				address <- match[1]
			}
		}
	}()
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-drained
		_ = command.Wait() // it was killed
	})
	return &prometheus{await(t, "the address of Prometheus", address), newClient(t)}
}

// ask returns the data of an answer of the API, and the error of a query.
func (p *prometheus) ask(target string, into any) error {
	response, err := p.client.Get("http://" + p.address + "/api/v1/" + target)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var answer struct {
		Error string
		Data  json.RawMessage
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Error != "" {
		return fmt.Errorf("%s: %s %.200s", response.Status, answer.Error, body)
	}
	return json.Unmarshal(answer.Data, into)
}

// sample is one of an instant vector.
type sample struct {
	Metric map[string]string
	Value  [2]any // the time, and the value as text
}

func (p *prometheus) query(expression string) ([]sample, error) {
	var data struct{ Result []sample }
	err := p.ask("query?query="+url.QueryEscape(expression), &data)
	return data.Result, err
}

// A Prometheus that scrapes Postern answers every query of the dashboard with
// data, and evaluates every rule.
func TestPrometheus(t *testing.T) {
	m := newMeasured(t)
	p := startPrometheus(t, m.admin)
	scraped := func(expression string) {
		eventually(t, expression, func() bool {
			samples, err := p.query(expression)
			return err == nil && len(samples) > 0
		})
	}
	scraped("postern_build_info")
	m.play(t)
	if got := m.operate(m.admin, http.MethodPost, "/-/reload"); got.status != http.StatusOK {
		t.Fatalf("%+v", got)
	}
	scraped("changes(postern_config_last_reload_success_timestamp_seconds[1m]) > 0")
	scraped("count_over_time(postern_streams_closed_total[1m]) > 1")
	samples, err := p.query(`sum by (job, code) (postern_requests_total{route="data", code="401"})`)
	if err != nil || len(samples) != 1 || samples[0].Metric["job"] != "postern" || samples[0].Value[1] != "1" {
		t.Errorf("requests_total: %v, %v", samples, err)
	}
	d := deployedDashboard(t)
	for _, query := range d.queries() {
		if samples, err := p.query(query); err != nil || len(samples) == 0 {
			t.Errorf("%s: %d samples, %v", query, len(samples), err)
		}
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError, LastEvaluation string }
		}
	}
	evaluated := func() bool {
		if err := p.ask("rules", &rules); err != nil {
			t.Fatal(err)
		}
		for _, g := range rules.Groups {
			for _, r := range g.Rules {
				if r.Health == "unknown" {
					return false
				}
			}
		}
		return len(rules.Groups) > 0
	}
	eventually(t, "an evaluation of all rules", evaluated)
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if r.Health != "ok" {
				t.Errorf("%s is %s: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
}
