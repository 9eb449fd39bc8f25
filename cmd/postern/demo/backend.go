package demo

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// backend is an example of what stands behind Postern. It verifies nothing: it
// believes the identity headers, and answers whom it believes to be speaking.
type backend struct {
	name string

	mu   sync.Mutex
	last *Heard // nil where nothing came since the last look
}

// Heard is what a backend was told by one request.
type Heard struct {
	Backend string
	// Headers are all but those that any HTTP client or proxy sends.
	Headers map[string]string
}

// neutral are the headers that say nothing of who is speaking.
var neutral = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Content-Length": true, "Content-Type": true, "User-Agent": true,
	"X-Forwarded-For": true, "X-Forwarded-Host": true, "X-Forwarded-Proto": true, "X-Request-Id": true,
}

// ServeHTTP implements [http.Handler].
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	heard := &Heard{Backend: b.name, Headers: map[string]string{}}
	for name, values := range r.Header {
		if !neutral[name] {
			heard.Headers[name] = strings.Join(values, ", ")
		}
	}
	b.mu.Lock()
	b.last = heard
	b.mu.Unlock()

	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(map[string]any{ // the client may be gone
		"success": true,
		"backend": b.name,
		"speaker": speaker(heard.Headers),
		"headers": heard.Headers,
	})
}

// take returns what the backend heard since the last look, nil for nothing.
func (b *backend) take() *Heard {
	b.mu.Lock()
	defer b.mu.Unlock()
	heard := b.last
	b.last = nil
	return heard
}

// speaker reads the identity headers, whose values are percent-encoded.
func speaker(headers map[string]string) string {
	switch headers["X-Auth-Level"] {
	case "customer":
		name, err := url.PathUnescape(headers["X-Customer-Name"])
		if err != nil || name == "" {
			name = "a customer"
		}
		return name + " (" + headers["X-Customer-Id"] + ")"
	case "application":
		return "the app of " + headers["X-Project"]
	case "anonymous":
		return "a visitor"
	}
	return "somebody that Postern did not let in"
}
