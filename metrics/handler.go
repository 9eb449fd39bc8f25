package metrics

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// maxScrapes is enough for two Prometheus servers and a curious person.
	maxScrapes = 4
	// maxErrorBytes bounds a log line: the error of a gathering may name every
	// series.
	maxErrorBytes = 1 << 10
)

// Handler serves the metrics in the text format of Prometheus, uncompressed:
// scrapes are local, and a small request must not buy much work. Four are
// served at a time, further ones get 503. A scrape that fails is given up at
// its first error (a partial one would read as series that ended), so that a
// scraper that hangs up is one line in the log, not one for each family.
func (r *Registry) Handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(r.prometheus, promhttp.HandlerOpts{
		ErrorLog:            errorLog{log},
		ErrorHandling:       promhttp.HTTPErrorOnError,
		DisableCompression:  true,
		MaxRequestsInFlight: maxScrapes,
	})
}

// errorLog is what promhttp takes for a logger.
type errorLog struct{ log *slog.Logger }

func (l errorLog) Println(v ...any) {
	text := strings.TrimSpace(fmt.Sprintln(v...))
	if len(text) > maxErrorBytes {
		text = strings.ToValidUTF8(text[:maxErrorBytes], "") + "…"
	}
	l.log.Error("scrape of the metrics failed", "error", text)
}
