package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// publish writes the report and the chart beside the bench, and the summary into the
// README.
func (w *world) publish(list []bout, all results, r *report) error {
	title := "# Results of a run\n\nMade by `go run ./bench -write`, which writes this page over.\n"
	if err := os.WriteFile(filepath.Join(w.root, "bench", "RESULTS.md"), []byte(title+r.String()), 0o644); err != nil {
		return err
	}
	summary, groups := summarize(list, all)
	if err := os.WriteFile(filepath.Join(w.root, "bench", "chart.svg"), []byte(chart(groups)), 0o644); err != nil {
		return err
	}
	return mark(filepath.Join(w.root, "README.md"), "bench", summary)
}

// group is a case of the chart, with a bar for each proxy.
type group struct {
	name string
	bars []bar
}

// bar is a proxy's cost as a multiple of the reference's.
type bar struct {
	name  string
	ratio float64
}

// peers are the proxies that others wrote, as they are called in bouts and tables.
var peers = [...][2]string{{"nginx", "nginx"}, {"haproxy", "HAProxy"}, {"caddy", "Caddy"}}

// summarize returns a table of Postern in every case beside the reference and the
// other proxies, and the same for the chart.
func summarize(list []bout, all results) (string, []group) {
	r := new(report)
	r.table("case", "1.00 is", "Postern", "quartiles", "nginx", "HAProxy", "Caddy")
	var groups []group
	for _, b := range list {
		i := slices.IndexFunc(b.proxies, func(p string) bool { return strings.HasPrefix(p, "postern") })
		if i < 0 || b.note == "" {
			continue
		}
		ratio := all.ratio(b.name, b.proxies[i], b.base().bout, b.base().proxy)
		cells := []string{b.name, b.note, fmt.Sprintf("**%.2f**", ratio.median), fmt.Sprintf("%.2f to %.2f", ratio.low, ratio.high)}
		g := group{b.name, []bar{{"Postern", ratio.median}}}
		for _, peer := range peers {
			cell := ""
			for _, p := range b.proxies {
				if strings.HasPrefix(p, peer[0]) && len(all[b.name][p]) > 0 {
					other := all.ratio(b.name, p, b.base().bout, b.base().proxy).median
					cell = fmt.Sprintf("%.2f", other)
					g.bars = append(g.bars, bar{peer[1], other})
				}
			}
			cells = append(cells, cell)
		}
		r.row(cells...)
		groups = append(groups, g)
	}
	return strings.TrimPrefix(r.String(), "\n"), groups
}

// chart draws the groups, as an SVG that needs no font of its own.
func chart(groups []group) string {
	const (
		left, width, height = 200, 540, 16
		most                = 3 // times the reference; what is longer is cut off
		unit                = float64(width) / most
	)
	var b strings.Builder
	y := 36
	for _, g := range groups {
		fmt.Fprintf(&b, `<text x="8" y="%d" font-weight="bold">%s</text>`+"\n", y+12, g.name)
		for _, bar := range g.bars {
			colour := "#b8c2cc"
			if bar.name == "Postern" {
				colour = "#1f6feb"
			}
			length, label := unit*min(bar.ratio, most), fmt.Sprintf("%.2f", bar.ratio)
			if bar.ratio > most {
				label += " (cut off)"
			}
			fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text><rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%s</text>`+"\n",
				left-8, y+12, bar.name, left, y+2, length, height-4, colour, left+length+5, y+12, label)
			y += height
		}
		y += 8
	}
	head := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="#222">`+"\n", left+width+90, y+8)
	head += `<rect width="100%" height="100%" fill="#fff"/>` + "\n"
	head += `<text x="8" y="20" font-weight="bold">Processor time for each request; 1.00 is what one would write in Postern's place</text>` + "\n"
	line := fmt.Sprintf(`<line x1="%.1f" x2="%.1f" y1="32" y2="%d" stroke="#222" stroke-dasharray="3 3"/>`+"\n</svg>\n", left+unit, left+unit, y-4)
	return head + b.String() + line
}
