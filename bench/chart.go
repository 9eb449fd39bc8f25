package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// publish writes the report and the chart beside the bench, and the summary into the
// README.
func (w *world) publish(list []bout, all results, r *report) error {
	title := "# Results of a run\n\nMade by `go run ./bench -write`, which writes this page over.\n"
	if err := os.WriteFile(filepath.Join(w.root, "bench", "RESULTS.md"), []byte(title+r.String()), 0o644); err != nil {
		return err
	}
	summary, bars := summarize(list, all)
	if err := os.WriteFile(filepath.Join(w.root, "bench", "chart.svg"), []byte(chart(bars)), 0o644); err != nil {
		return err
	}
	return mark(filepath.Join(w.root, "README.md"), "bench", summary)
}

// bar is a line of the chart.
type bar struct {
	name  string
	ratio float64
	own   bool // Postern's
}

// summarize returns a table of Postern in every case beside the reference and the
// other proxies, and a chart's bars of it.
func summarize(list []bout, all results) (string, []bar) {
	r := new(report)
	r.table("case", "beside", "Postern", "quartiles", "nginx", "HAProxy", "Caddy")
	var bars []bar
	for _, b := range list {
		line := []string{b.name, b.note}
		own := ""
		for _, p := range b.proxies {
			if own == "" && strings.HasPrefix(p, "postern") {
				own = p
			}
		}
		if own == "" || b.note == "" {
			continue
		}
		ratio := all.ratio(b.name, own, b.base().bout, b.base().proxy)
		line = append(line, fmt.Sprintf("%.2f", ratio.median), fmt.Sprintf("%.2f to %.2f", ratio.low, ratio.high))
		bars = append(bars, bar{b.name, ratio.median, true})
		for _, peer := range []string{"nginx", "haproxy", "caddy"} {
			cell := ""
			for _, p := range b.proxies {
				if strings.HasPrefix(p, peer) && len(all[b.name][p]) > 0 {
					other := all.ratio(b.name, p, b.base().bout, b.base().proxy).median
					cell = fmt.Sprintf("%.2f", other)
					bars = append(bars, bar{peer, other, false})
				}
			}
			line = append(line, cell)
		}
		r.row(line...)
	}
	return r.String(), bars
}

// chart draws bars, as an SVG that needs no font of its own.
func chart(bars []bar) string {
	const (
		left, width, height = 190, 560, 18
		most                = 4 // times the reference; what is longer is cut off
	)
	var b strings.Builder
	total := 46 + len(bars)*height
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", left+width+60, total)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/><text x="8" y="18" font-weight="bold">Processor time for each request, as a multiple of the reference</text>`+"\n")
	unit := float64(width) / most
	for i, bar := range bars {
		y := 30 + i*height
		colour, name := "#b8c2cc", "    "+bar.name
		if bar.own {
			colour, name = "#1f6feb", bar.name
		}
		length, label := unit*min(bar.ratio, most), fmt.Sprintf("%.2f", bar.ratio)
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end" fill="#222">%s</text><rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d" fill="#222">%s</text>`+"\n",
			left-8, y+13, name, left, y+2, length, height-4, colour, float64(left)+length+5, y+13, label)
	}
	fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="28" y2="%d" stroke="#222" stroke-dasharray="3 3"/>`+"\n</svg>\n", left+unit, left+unit, total-14)
	return b.String()
}
