package main

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"postern/policy"
)

const (
	rulesFolder   = "../../deploy/prometheus"
	dashboardFile = "../../deploy/grafana/postern.json"
)

// rule is an alert, or a query whose result is recorded under a name.
type rule struct {
	Alert, Record, Expr string
	Labels, Annotations map[string]string
}

func deployedRules(t *testing.T) (rules []rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	readYAML(t, rulesFolder+"/rules.yml", &file)
	for _, group := range file.Groups {
		rules = append(rules, group.Rules...)
	}
	return rules
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// panel is a part of the dashboard; a row has no queries.
type panel struct {
	ID          int
	Type, Title string
	GridPos     struct{ X, Y, W, H int }
	Datasource  struct{ Type, UID string }
	Targets     []struct {
		Expr, LegendFormat string
		Datasource         struct{ Type, UID string }
	}
}

type dashboard struct {
	UID, Title  string
	Panels      []panel
	Annotations struct{ List []struct{ Expr string } }
	Templating  struct {
		List []struct{ Name, Definition string }
	}
}

func deployedDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	data, err := os.ReadFile(dashboardFile)
	if err == nil {
		err = json.Unmarshal(data, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// queries returns those of the panels and the annotations, as Prometheus is asked
// them for a job and all of its instances and routes.
func (d *dashboard) queries() (list []string) {
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			list = append(list, target.Expr)
		}
	}
	for _, a := range d.Annotations.List {
		list = append(list, a.Expr)
	}
	for i := range list {
		list[i] = strings.NewReplacer("$__rate_interval", "1m", "$job", "postern", "$instance", ".*", "$route", ".*").Replace(list[i])
	}
	return list
}

// PromQL by its words, which is enough to see what it names.
var (
	metricName = regexp.MustCompile(`\b(?:postern|go|process)_\w+|\b\w+:[\w:]+`)
	grouping   = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	matcher    = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"`)
	label      = regexp.MustCompile(`\w+`)
)

// Every metric and label that a rule or the dashboard names is one of a running
// Postern, and every value is one that the label can have.
func TestDeployNamesWhatExists(t *testing.T) {
	m := newMeasured(t)
	m.play(t)
	known := m.families(t)
	words := map[string][]string{
		"decision": {"allow", "deny", "report_deny"},
		"result":   {"success", "failure"},
		"reason":   {"upstream_closed", "idle", "max_age"}, // of streams
	}
	for _, reason := range policy.Reasons() {
		words["reason"] = append(words["reason"], reason.String())
	}
	d := deployedDashboard(t)
	queries := d.queries()
	for _, variable := range d.Templating.List {
		if query, ok := strings.CutPrefix(variable.Definition, "label_values("); ok {
			metric, name, _ := strings.Cut(query, ", ")
			queries = append(queries, "count by ("+name+" "+metric)
		}
	}
	for _, r := range deployedRules(t) {
		queries = append(queries, r.Expr)
		if r.Record != "" {
			known[r.Record] = label.FindAllString(grouping.FindStringSubmatch(r.Expr)[1], -1)
		}
	}
	for _, query := range queries {
		labels := []string{"job", "instance"} // those that Prometheus adds
		for _, name := range metricName.FindAllString(query, -1) {
			if known[name] == nil {
				t.Errorf("there is no %s: %s", name, query)
			}
			labels = append(labels, known[name]...)
		}
		named := matcher.FindAllStringSubmatch(query, -1)
		for _, group := range grouping.FindAllStringSubmatch(query, -1) {
			for _, name := range label.FindAllString(group[1], -1) {
				named = append(named, []string{"", name, ""})
			}
		}
		for _, match := range named {
			if !slices.Contains(labels, match[1]) {
				t.Errorf("nothing has a label %s: %s", match[1], query)
			}
			for value := range strings.SplitSeq(match[2], "|") {
				pattern := regexp.MustCompile("^(?:" + value + ")$")
				if words[match[1]] != nil && value != "" && !slices.ContainsFunc(words[match[1]], pattern.MatchString) {
					t.Errorf("%s is never %s: %s", match[1], value, query)
				}
			}
		}
	}
	if len(queries) < 50 {
		t.Errorf("only %d queries", len(queries))
	}
}

// families returns the names that a scrape has samples under, with their labels.
func (m *measured) families(t *testing.T) map[string][]string {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(m.scrape(t)))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string][]string{}
	for name, family := range families {
		labels := []string{}
		for _, pair := range family.Metric[0].Label {
			labels = append(labels, pair.GetName())
		}
		known[name] = labels
		if family.Metric[0].Histogram != nil {
			known[name+"_bucket"], known[name+"_count"], known[name+"_sum"] = append(labels, "le"), labels, labels
		}
	}
	return known
}

func (m *measured) scrape(t *testing.T) string {
	t.Helper()
	got := m.operate(m.admin, "GET", "/metrics")
	if got.status != 200 {
		t.Fatalf("metrics: %+v", got)
	}
	return got.body
}
