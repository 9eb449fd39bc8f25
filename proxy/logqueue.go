package proxy

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
)

// LogQueue holds lines of the log until they are written, so that a log which
// nobody reads stalls no traffic that is allowed. It takes everything while it is
// short. Beyond maxDispensable bytes the lines of allowed requests are dropped and
// counted. Denials, report denials, answers of 5xx and other events never are:
// beyond maxQueued bytes whoever logs them waits. It is safe for concurrent use.
type LogQueue struct {
	out io.Writer

	mu      sync.Mutex
	changed sync.Cond // of pending or closed
	pending []byte    // whole lines
	closed  bool
	dropped int
	counted LogObserver // nil until there is one

	written chan struct{} // closed once everything is
}

// LogObserver counts lines that were dropped.
type LogObserver interface{ LogDropped(lines int) }

const (
	maxDispensable = 1 << 20
	maxQueued      = 2 << 20 // and as much on its way to the writer
)

// NewLogQueue returns a queue in front of out, which it alone writes to, as soon
// as there is something to write, until Close.
func NewLogQueue(out io.Writer) *LogQueue {
	q := &LogQueue{out: out, written: make(chan struct{})}
	q.changed.L = &q.mu
	go q.run()
	return q
}

// Observe says who counts what is dropped, and was dropped until now.
func (q *LogQueue) Observe(o LogObserver) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.counted = o
	o.LogDropped(q.dropped)
}

// drop counts lines. q.mu is held.
func (q *LogQueue) drop(lines int) {
	q.dropped += lines
	if q.counted != nil {
		q.counted.LogDropped(lines)
	}
}

func (q *LogQueue) run() {
	defer close(q.written)
	q.mu.Lock()
	defer q.mu.Unlock()
	var batch []byte
	for {
		for len(q.pending) == 0 {
			if q.closed {
				return
			}
			q.changed.Wait()
		}
		batch, q.pending = q.pending, batch[:0]
		q.changed.Broadcast()
		q.mu.Unlock()
		n, err := q.out.Write(batch)
		q.mu.Lock()
		if err != nil { // a full disk, of which there is no other place to tell
			q.drop(bytes.Count(batch[n:], []byte{'\n'}))
		}
	}
}

// Close ends the queue once everything is written, or ctx has ended: a write
// that does not return is left behind. What is logged later is dropped.
func (q *LogQueue) Close(ctx context.Context) {
	q.mu.Lock()
	q.closed = true
	q.changed.Broadcast()
	q.mu.Unlock()
	select {
	case <-q.written:
	case <-ctx.Done():
	}
}

// Write implements io.Writer for the handler of the lines, which has asked admit.
func (q *LogQueue) Write(line []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending = append(q.pending, line...)
	q.changed.Broadcast()
	return len(line), nil
}

// admit reports whether a line may be written, and waits for one that must be.
func (q *LogQueue) admit(isDispensable bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !isDispensable && !q.closed && len(q.pending) >= maxQueued {
		q.changed.Wait()
	}
	if q.closed || isDispensable && len(q.pending) >= maxDispensable {
		q.drop(1)
		return false
	}
	return true
}

// Handler returns a handler that admits records to h, which writes to q.
func (q *LogQueue) Handler(h slog.Handler) slog.Handler { return &queuedHandler{h, q} }

type queuedHandler struct {
	slog.Handler
	queue *LogQueue
}

// Handle implements slog.Handler. It waits before the line is made: the handlers
// of log/slog hold a lock while they write.
func (h *queuedHandler) Handle(ctx context.Context, r slog.Record) error {
	if !h.queue.admit(isDispensable(r)) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *queuedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.queue.Handler(h.Handler.WithAttrs(attrs))
}

// WithGroup implements slog.Handler.
func (h *queuedHandler) WithGroup(name string) slog.Handler {
	return h.queue.Handler(h.Handler.WithGroup(name))
}

// isDispensable reports whether a record may be dropped: that of a request that was
// allowed and answered. The attributes are those of [exchange.attributes].
func isDispensable(r slog.Record) bool {
	allowed, failed := false, r.Level > slog.LevelInfo
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "decision":
			allowed = a.Value.String() == "allow"
		case "status":
			failed = failed || a.Value.Kind() == slog.KindInt64 && a.Value.Int64() >= http.StatusInternalServerError
		}
		return true
	})
	return allowed && !failed
}
