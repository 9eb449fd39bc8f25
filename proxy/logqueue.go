package proxy

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// LogQueue holds lines of the log until they are written, so that a log which
// nobody reads stalls no traffic that is allowed, and nothing that operates the
// program. It takes everything while it is short, and then treats lines by their
// kind. A line after a silence is written at once; those that come soon after it
// are gathered, since a write costs several times what a line does. It is safe for
// concurrent use.
type LogQueue struct {
	out io.Writer

	mu      sync.Mutex
	room    sync.Cond // pending has become shorter, or closed
	pending []byte    // whole lines
	awaited int       // run waits for pending to be as long; 0 where it does not
	closed  bool
	dropped int
	counted LogObserver // nil until there is one

	reached chan struct{} // holds one value once pending is as long as awaited
	written chan struct{} // closed once everything is
}

// Lines are gathered for a time after each write, or until there are so many bytes.
const (
	gatherTime  = 50 * time.Millisecond
	gatherBytes = 64 << 10
)

// LogObserver counts lines that were dropped.
type LogObserver interface{ LogDropped(lines int) }

// kind says what becomes of a line where the queue is long.
type kind int

const (
	// dispensable is the line of a request that was allowed and answered, or that of a
	// [StrayLog]. It is dropped, and counted.
	dispensable kind = iota
	// due is the line of a denial, a report denial or a 5xx. It is never dropped:
	// the request waits, after its answer.
	due
	// event is a line of no request. Who logs it may hold up reloads, revocations or
	// the shutdown and must not wait, so it has a room of its own beyond the others.
	event
)

// How long the queue may be, in bytes, for a line of each kind to be taken. As much
// may be on its way to the writer.
var longest = [...]int{dispensable: 1 << 20, due: 2 << 20, event: 6 << 20}

// NewLogQueue returns a queue in front of out, which it alone writes to, as soon
// as there is something to write, until Close.
func NewLogQueue(out io.Writer) *LogQueue {
	q := &LogQueue{out: out, reached: make(chan struct{}, 1), written: make(chan struct{})}
	q.room.L = &q.mu
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
	var batch []byte
	for silence := time.NewTimer(0); ; silence.Reset(gatherTime) {
		q.await(1, nil)
		q.await(gatherBytes, silence.C)
		q.mu.Lock()
		batch, q.pending = q.pending, batch[:0]
		over := q.closed
		q.room.Broadcast()
		q.mu.Unlock()
		q.write(batch)
		if over {
			return
		}
	}
}

func (q *LogQueue) write(lines []byte) {
	if len(lines) == 0 {
		return
	}
	if n, err := q.out.Write(lines); err != nil { // a full disk, of which there is no other place to tell
		q.mu.Lock()
		defer q.mu.Unlock()
		q.drop(bytes.Count(lines[n:], []byte{'\n'}))
	}
}

// await returns once so many bytes are pending, over comes or the queue is closed.
func (q *LogQueue) await(length int, over <-chan time.Time) {
	q.mu.Lock()
	if q.closed || len(q.pending) >= length {
		q.mu.Unlock()
		return
	}
	q.awaited = length
	q.mu.Unlock()
	select {
	case <-q.reached:
	case <-over:
		q.mu.Lock()
		defer q.mu.Unlock()
		q.awaited = 0
		select {
		case <-q.reached: // at the same time
		default:
		}
	}
}

// wake ends await. q.mu is held.
func (q *LogQueue) wake() {
	if q.awaited > 0 {
		q.awaited = 0
		q.reached <- struct{}{}
	}
}

// Close ends the queue once everything is written, or ctx has ended: a write
// that does not return is left behind. What is logged later is dropped.
func (q *LogQueue) Close(ctx context.Context) {
	q.mu.Lock()
	q.closed = true
	q.wake()
	q.room.Broadcast()
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
	q.push(line)
	return len(line), nil
}

// push takes a line. q.mu is held.
func (q *LogQueue) push(line []byte) {
	q.pending = append(q.pending, line...)
	if len(q.pending) >= q.awaited {
		q.wake()
	}
}

// put writes a line where it may be written, as admit says.
func (q *LogQueue) put(k kind, line []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.admits(k) {
		q.push(line)
	}
}

// admit reports whether a line may be written, and waits for one that is due.
func (q *LogQueue) admit(k kind) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.admits(k)
}

// admits is admit where q.mu is held.
func (q *LogQueue) admits(k kind) bool {
	for k == due && !q.closed && len(q.pending) >= longest[k] {
		q.room.Wait()
	}
	if q.closed || len(q.pending) >= longest[k] {
		q.drop(1)
		return false
	}
	return true
}

// Handler returns a handler that admits records to h, which writes to q.
func (q *LogQueue) Handler(h slog.Handler) slog.Handler { return &queuedHandler{h, q, false} }

// Logger returns a logger whose lines go to q.
func (q *LogQueue) Logger(s LogSettings) *slog.Logger {
	return slog.New(&queuedHandler{s.Handler(q), q, s.Format != textFormat})
}

type queuedHandler struct {
	slog.Handler
	queue *LogQueue
	json  bool // Handler is a slog.JSONHandler without options
}

// Handle implements slog.Handler. It waits before the line is made: the handlers
// of log/slog hold a lock while they write.
func (h *queuedHandler) Handle(ctx context.Context, r slog.Record) error {
	if !h.queue.admit(kindOf(r)) {
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

// kindOf is the kind of a line of no request.
func kindOf(r slog.Record) kind {
	k := event
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == leftOut {
			k = dispensable
		}
		return true
	})
	return k
}
