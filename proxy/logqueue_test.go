package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// logReader is where a log goes: it reads only once it is let.
type logReader struct {
	let  chan struct{}
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *logReader) Write(p []byte) (int, error) {
	<-l.let
	return l.text.Write(p)
}

type tally int

// LogDropped implements LogObserver.
func (c *tally) LogDropped(lines int) { *c += tally(lines) }

func newQueued(out io.Writer) (*LogQueue, *slog.Logger) {
	q := NewLogQueue(out)
	return q, slog.New(q.Handler(slog.NewTextHandler(q, &slog.HandlerOptions{Level: slog.LevelDebug})))
}

// While nobody reads, ordinary lines are dropped and nobody waits; what may not be
// dropped waits, and all of it comes in the end, in its order.
func TestLogThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &logReader{let: make(chan struct{})}
		q := NewLogQueue(out)
		log := q.Logger(LogSettings{})
		requests := newRequestLog(log)
		answered := func(k kind, decision string, status, n int) {
			requests.write(k, time.Now(), slog.LevelInfo, []slog.Attr{slog.String("decision", decision), slog.Int("status", status), slog.Int("n", n)})
		}
		var dropped tally
		q.Observe(&dropped)
		const ordinary = 20_000
		for i := range ordinary {
			answered(dispensable, "allow", 200, i)
		}
		if n := len(q.pending); n > longest[dispensable]+1000 || dropped == 0 {
			t.Errorf("%d bytes are held, %d lines dropped", n, dropped)
		}
		const denials = 20_000
		logged := make(chan int, denials)
		go func() {
			for i := range denials {
				answered(due, "deny", 401, i)
				logged <- i
			}
		}()
		synctest.Wait()
		if n := len(q.pending); n < longest[due] || n > longest[due]+1000 || len(logged) == denials {
			t.Errorf("%d bytes are held after %d denials", n, len(logged))
		}
		answered(dispensable, "allow", 200, 0) // does not wait
		const events = 100_000
		before := dropped
		for range events { // nor do these, and there is no end to them
			log.Error("event", "decisions", 1)
		}
		missing := int(dropped - before)
		if n := len(q.pending); n < longest[event] || n > longest[event]+1000 || missing == 0 {
			t.Errorf("%d bytes are held after %d events, of which %d were dropped", n, events, missing)
		}
		close(out.let)
		for range denials {
			<-logged
		}
		q.Close(t.Context())
		lines := strings.Split(strings.TrimSpace(out.text.String()), "\n")
		i, allowed, told := 0, 0, 0
		for _, line := range lines {
			if strings.Contains(line, `"decision":"allow"`) {
				allowed++
				continue
			}
			if strings.Contains(line, `"msg":"event"`) {
				told++
				continue
			}
			if !strings.HasSuffix(line, fmt.Sprintf(`"decision":"deny","status":401,"n":%d}`, i)) {
				t.Fatalf("%q, want denial %d", line, i)
			}
			i++
		}
		if i != denials || allowed+int(dropped)-missing != ordinary+1 || told+missing != events {
			t.Errorf("%d denials, %d events; %d ordinary lines, %d dropped", i, told, allowed, dropped)
		}
	})
}

func TestLineKind(t *testing.T) {
	for _, test := range []struct {
		level   slog.Level
		verdict string
		status  int
		want    kind
	}{
		{slog.LevelInfo, "allow", 200, dispensable},
		{slog.LevelInfo, "allow", 499, dispensable},
		{slog.LevelInfo, "deny", 401, due},
		{slog.LevelInfo, "report_deny", 200, due},
		{slog.LevelInfo, "allow", 500, due},
		{slog.LevelInfo, "allow", 503, due},
		{slog.LevelWarn, "allow", 200, due},
	} {
		if got := lineKind(test.level, test.verdict, test.status); got != test.want {
			t.Errorf("%s %s %d: %d", test.level, test.verdict, test.status, got)
		}
	}
}

func TestKindOf(t *testing.T) {
	for _, test := range []struct {
		level slog.Level
		attrs []any
		want  kind
	}{
		{slog.LevelInfo, nil, event},
		{slog.LevelError, nil, event},
		{slog.LevelWarn, []any{"route", "a", "decision", "allow"}, event},
		{slog.LevelWarn, []any{leftOut, true}, dispensable},
	} {
		r := slog.NewRecord(time.Time{}, test.level, "event", 0)
		r.Add(test.attrs...)
		if got := kindOf(r); got != test.want {
			t.Errorf("%s %v: %d", test.level, test.attrs, got)
		}
	}
}

// The end waits for what was logged, but not for ever; what comes later is counted.
func TestLogAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &logReader{let: make(chan struct{})}
		q, log := newQueued(out)
		log.With("a", "b").WithGroup("g").Info("kept", "c", "d")
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		q.Close(ctx)
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %s", took)
		}
		log.Error("late")
		var dropped tally
		q.Observe(&dropped)
		close(out.let)
		q.Close(t.Context())
		if got := out.text.String(); !strings.HasSuffix(got, "level=INFO msg=kept a=b g.c=d\n") || strings.Count(got, "\n") != 1 || dropped != 1 {
			t.Errorf("%q, %d dropped", got, dropped)
		}
	})
}

// fullDisk takes nothing.
type fullDisk struct{}

// Write implements io.Writer.
func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestLogThatCannotBeWritten(t *testing.T) {
	q, log := newQueued(fullDisk{})
	for range 10 {
		log.Error("x")
	}
	q.Close(t.Context())
	var dropped tally
	q.Observe(&dropped)
	if dropped != 10 {
		t.Errorf("%d dropped", dropped)
	}
}

// Lines come whole and in the order of who logs them.
func TestLogOfMany(t *testing.T) {
	var out bytes.Buffer
	q, log := newQueued(&out)
	const each = 1000
	done := make(chan struct{})
	for who := range 8 {
		go func() {
			for i := range each {
				log.Warn("x", "who", who, "i", i)
			}
			done <- struct{}{}
		}()
	}
	for range 8 {
		<-done
	}
	q.Close(t.Context())
	next := make([]int, 8)
	for line := range strings.Lines(out.String()) {
		var who, i int
		_, rest, _ := strings.Cut(line, "who=")
		if _, err := fmt.Sscanf(rest, "%d i=%d\n", &who, &i); err != nil || next[who] != i {
			t.Fatalf("%q: %v", line, err)
		}
		next[who]++
	}
	if diff := cmp.Diff(slices.Repeat([]int{each}, 8), next); diff != "" {
		t.Error(diff)
	}
}
