package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// record is one line of the log.
type record map[string]any

// tape is what the log is written to.
type tape struct {
	mu      sync.Mutex
	text    strings.Builder
	records map[string][]record // by message, those that next has not returned
	grown   chan struct{}       // closed by a write, and replaced
	muted   bool
}

func newTape() *tape { return &tape{records: map[string][]record{}, grown: make(chan struct{})} }

// Write implements io.Writer; slog writes a line at a time.
func (l *tape) Write(line []byte) (int, error) {
	var r record
	if err := json.Unmarshal(line, &r); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.muted {
		return len(line), nil
	}
	l.text.Write(line)
	message, _ := r["msg"].(string)
	l.records[message] = append(l.records[message], r)
	close(l.grown)
	l.grown = make(chan struct{})
	return len(line), nil
}

// mute ends the recording, which would fill the memory in a long test.
func (l *tape) mute() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.muted = true
}

// String returns the whole log.
func (l *tape) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// next waits for the next record with a message.
func (l *tape) next(t testing.TB, message string) record {
	t.Helper()
	for late := time.After(patience); ; {
		l.mu.Lock()
		grown := l.grown
		if waiting := l.records[message]; len(waiting) > 0 {
			l.records[message] = waiting[1:]
			l.mu.Unlock()
			return waiting[0]
		}
		l.mu.Unlock()
		select {
		case <-grown:
		case <-late:
			t.Fatalf("no record %q in %s; the log:\n%s", message, patience, l)
		}
	}
}

// metrics returns the samples of the named families, without the program's
// prefix.
func (b *testbed) metrics(families ...string) map[string]float64 {
	b.t.Helper()
	scrape := b.operate(b.admin, http.MethodGet, "/metrics")
	if scrape.status != http.StatusOK {
		b.t.Fatalf("metrics: %+v", scrape)
	}
	samples := map[string]float64{}
	for line := range strings.Lines(scrape.body) {
		sample, ours := strings.CutPrefix(strings.TrimSpace(line), "postern_")
		family, _, _ := strings.Cut(sample, "{")
		family, _, _ = strings.Cut(family, " ")
		if !ours || !slices.Contains(families, family) {
			continue
		}
		space := strings.LastIndexByte(sample, ' ')
		value, err := strconv.ParseFloat(sample[space+1:], 64)
		if err != nil {
			b.t.Fatal(err)
		}
		samples[sample[:space]] = value
	}
	return samples
}

// grown returns by how much each sample has grown, without those that did not.
func grown(before, after map[string]float64) map[string]float64 {
	difference := map[string]float64{}
	for name, value := range after {
		if value != before[name] {
			difference[name] = value - before[name]
		}
	}
	return difference
}
