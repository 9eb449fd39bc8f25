package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The dashboard can be imported as it is: it names no data source but the one that
// is chosen there, and no two panels are the same or stand in one place.
func TestDashboard(t *testing.T) {
	d := deployedDashboard(t)
	var rows, variables []string
	ids, taken := map[int]string{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if other := ids[p.ID]; other != "" || p.ID == 0 {
			t.Errorf("%s has the id %d, and so has %s", p.Title, p.ID, other)
		}
		ids[p.ID] = p.Title
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s stands at %d, %d, where %s is", p.Title, x, y, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		if len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("%s has %d queries to %q", p.Title, len(p.Targets), p.Datasource.UID)
		}
		for _, target := range p.Targets {
			if target.Datasource != p.Datasource {
				t.Errorf("%s asks %v", p.Title, target.Datasource)
			}
			if !strings.Contains(target.Expr, `{job="$job", instance=~"$instance"`) {
				t.Errorf("%s is not about the chosen instances: %s", p.Title, target.Expr)
			}
			for _, name := range regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				if !slices.Contains(label.FindAllString(grouping.FindStringSubmatch(target.Expr)[1], -1), name[1]) {
					t.Errorf("%s: the legend of %s names %s", p.Title, target.Expr, name[1])
				}
			}
		}
	}
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
	}
	want := [][]string{
		{"Traffic", "Decisions", "Latency", "Keys", "Secrets and certificates", "Streams", "Resources"},
		{"datasource", "job", "instance", "route"},
	}
	if diff := cmp.Diff(want, [][]string{rows, variables}); diff != "" {
		t.Error(diff)
	}
}
