package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// report is what the bench has to say, as Markdown.
type report struct{ strings.Builder }

func (r *report) section(title, text string) {
	fmt.Fprintf(r, "\n## %s\n\n%s\n", title, text)
}

func (r *report) table(heads ...string) {
	r.WriteString("\n")
	r.row(heads...)
	r.row(strings.Split(strings.Repeat("---,", len(heads)-1)+"---", ",")...)
}

func (r *report) row(cells ...string) {
	fmt.Fprintf(r, "| %s |\n", strings.Join(cells, " | "))
}

// bouts prints what every proxy costs.
func (r *report) bouts(list []bout, all results) {
	r.section("Processor time for each request", "The median of the cycles; the ratios are those within each cycle, with their quartiles. "+
		"The first proxy of a case is what the others are compared with.")
	r.table("case", "proxy", "µs", "ratio", "quartiles", "requests per second of processor time")
	for _, b := range list {
		for _, p := range b.proxies {
			if len(all[b.name][p]) == 0 {
				continue
			}
			cost, ratio := all.cost(b.name, p), all.ratio(b.name, p, b.base().bout, b.base().proxy)
			r.row(b.name, p, fmt.Sprintf("%.1f", cost.median), fmt.Sprintf("%.2f", ratio.median),
				fmt.Sprintf("%.2f to %.2f", ratio.low, ratio.high), fmt.Sprintf("%.0f", 1e6/cost.median))
		}
	}
}

// growths prints what a case costs beside a smaller one.
func (r *report) growths(cases []growth, all results, w *world) error {
	r.section("As the work grows", "Processor time for each request beside the same with less of it, and the memory that Postern holds afterwards.")
	r.table("what grows", "µs", "ratio", "quartiles", "resident, MB")
	for _, g := range cases {
		cost, ratio := all.cost(g.bout, g.proxy), all.ratio(g.bout, g.proxy, g.smaller, g.usually)
		resident, err := w.running[g.proxy].resident()
		if err != nil {
			return err
		}
		r.row(g.name, fmt.Sprintf("%.1f", cost.median), fmt.Sprintf("%.2f", ratio.median),
			fmt.Sprintf("%.2f to %.2f", ratio.low, ratio.high), megabytes(resident))
	}
	return nil
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.0f", float64(bytes)/1e6) }

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond))
}

// mark writes the summary into a page between two comments that name it.
func mark(page, name, text string) error {
	content, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->"
	before, rest, found := strings.Cut(string(content), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return fmt.Errorf("%s has no place for %s", page, name)
	}
	return os.WriteFile(page, []byte(before+begin+text+end+after), 0o644)
}
