package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// accounts write a line for each request, with the columns of Postern's, and count
// what Postern counts. The log is buffered and the metrics are held, as one would do
// who has read a profile.
type accounts struct {
	log *slog.Logger
	out *bufferedFile
	// by is indexed by what a request asked for and the status of its answer.
	by map[string]*counters
}

type counters struct {
	requests  map[int]prometheus.Counter
	decisions map[bool]prometheus.Counter
	duration  prometheus.Observer
	upstream  prometheus.Observer
}

func newAccounts(file string) (*accounts, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	a := &accounts{out: &bufferedFile{w: bufio.NewWriterSize(f, 64<<10)}, by: map[string]*counters{}}
	go a.out.flushEach(time.Second)
	a.log = slog.New(slog.NewJSONHandler(a.out, nil))

	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total"}, []string{"route", "method", "code"})
	decisions := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "decisions_total"}, []string{"route", "decision"})
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "request_duration_seconds"}, []string{"route"})
	upstream := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "upstream_duration_seconds"}, []string{"route"})
	prometheus.MustRegister(requests, decisions, duration, upstream)
	for _, route := range []string{"public", "token", "hs256", "rs256", "es256", "body"} {
		method := http.MethodGet
		if route == "body" {
			method = http.MethodPost
		}
		c := &counters{requests: map[int]prometheus.Counter{}, duration: duration.WithLabelValues(route), upstream: upstream.WithLabelValues(route)}
		for _, status := range []int{200, 401, 403, 404, 500, 502, 504} {
			c.requests[status] = requests.WithLabelValues(route, method, strconv.Itoa(status))
		}
		c.decisions = map[bool]prometheus.Counter{true: decisions.WithLabelValues(route, "allow"), false: decisions.WithLabelValues(route, "deny")}
		a.by[route] = c
	}
	return a, nil
}

// around accounts for the requests that next answers.
func (a *accounts) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := rand.Text()
		r.Header.Set("X-Request-Id", id)
		route, _, _ := strings.Cut(r.URL.Path[1:], "/")
		seen := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		took := time.Since(began)

		allowed, decision := seen.status != http.StatusUnauthorized, "allow"
		if !allowed {
			decision = "deny"
		}
		if c := a.by[route]; c != nil {
			if requests := c.requests[seen.status]; requests != nil {
				requests.Inc()
			}
			c.decisions[allowed].Inc()
			c.duration.Observe(took.Seconds())
			if allowed {
				c.upstream.Observe(seen.answered.Sub(began).Seconds())
			}
		}
		client, _, _ := net.SplitHostPort(r.RemoteAddr)
		a.log.LogAttrs(context.Background(), slog.LevelInfo, "request",
			slog.String("request_id", id),
			slog.String("route", route),
			slog.String("method", r.Method),
			slog.String("path", r.URL.Path),
			slog.Int("status", seen.status),
			slog.String("authenticator", route),
			slog.String("tenant", ""),
			slog.String("credential_id", ""),
			slog.String("decision", decision),
			slog.String("reason", "none"),
			slog.Float64("duration", took.Seconds()),
			slog.Float64("upstream_duration", seen.answered.Sub(began).Seconds()),
			slog.String("client", client),
		)
	})
}

// statusWriter remembers the status of an answer, and when it came.
type statusWriter struct {
	http.ResponseWriter
	status   int
	answered time.Time
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status, w.answered = status, time.Now()
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// bufferedFile writes once 64 KiB have come together, and each second.
type bufferedFile struct {
	mu sync.Mutex
	w  *bufio.Writer
}

// Write implements io.Writer.
func (f *bufferedFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.w.Write(p)
}

// flushEach runs as long as the program.
func (f *bufferedFile) flushEach(d time.Duration) {
	for range time.Tick(d) {
		f.mu.Lock()
		_ = f.w.Flush() // a full disk shows in the next write, too
		f.mu.Unlock()
	}
}
