package forwardauth

import (
	"log/slog"
	"net/http"
	"time"

	"postern/proxy"
)

// handler answers questions, whatever their own method and path.
type handler struct{ proxy *proxy.Handler }

// ServeHTTP implements http.Handler.
func (h handler) ServeHTTP(w http.ResponseWriter, question *http.Request) {
	r, err := describe(question)
	if err != nil {
		r = question
	}
	h.proxy.Inquire(w, r, err)
}

const (
	// readTimeout bounds a question with its body, which nobody reads.
	readTimeout = 10 * time.Second
	// describedBytes is room for the headers that describe a request, beside those
	// that it has itself.
	describedBytes = 16 << 10
)

// NewServer returns a server of questions that h decides, bounded as that for
// clients is.
func NewServer(h *proxy.Handler, s proxy.ServerSettings, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler{h},
		ReadHeaderTimeout: s.ReadHeaderTimeout.Std(),
		ReadTimeout:       readTimeout,
		IdleTimeout:       s.IdleTimeout.Std(),
		MaxHeaderBytes:    int(s.MaxHeaderBytes) + describedBytes,
		// net/http would answer an OPTIONS * with 200, which lets it pass.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     proxy.StrayLog(log, slog.LevelInfo),
	}
}
