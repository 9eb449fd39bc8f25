package proxy

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"time"
)

// writeTimeout is how long a client may take for each 32 KiB of an answer that is
// ready for it. Between writes an answer may take as long as it likes.
const writeTimeout = 30 * time.Second

// patientWriter bounds each write to a client, so that one that does not read
// its answer cannot hold its connection, and the upstream's, for ever. Beyond the
// bound the connection, or the stream of HTTP/2, is at its end.
type patientWriter struct {
	http.ResponseWriter
	control http.ResponseController
	// multiplexed: in HTTP/2 a deadline ends the stream also while nothing is written.
	// In HTTP/1.1 one that passes then means nothing: all that is written later sets
	// its own, but for 100 Continue.
	multiplexed bool
	hijacked    bool

	unbounded, hurried bool // under mu
	mu                 sync.Mutex
}

// init makes p the writer of a request's answer.
func (p *patientWriter) init(w http.ResponseWriter, r *http.Request) {
	p.ResponseWriter, p.control, p.multiplexed = w, *http.NewResponseController(w), r.ProtoMajor > 1
	if !p.multiplexed && r.Header["Expect"] != nil {
		p.begin() // net/http itself writes 100 Continue
	}
}

// unbound lets the client take its time from now on: what it gets is a stream.
func (p *patientWriter) unbound() {
	p.mu.Lock()
	p.unbounded = true
	p.mu.Unlock()
	p.free()
}

// hurry bounds all that is still written of a stream that ends. It may be called
// while something is, and until the handler returns.
func (p *patientWriter) hurry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hurried = true
	p.bound(closePatience)
}

// begin and rest bound what is written between them. In HTTP/1.1, rest leaves the
// bound to be replaced by the next.
func (p *patientWriter) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.unbounded && !p.hurried {
		p.bound(writeTimeout)
	}
}

func (p *patientWriter) rest() {
	if !p.multiplexed {
		return
	}
	p.free()
}

// free lets the client take its time until something else is said.
func (p *patientWriter) free() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.hurried {
		p.bound(0)
	}
}

// end bounds what net/http still writes once the handler has returned.
func (p *patientWriter) end() {
	if p.hijacked {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bound(writeTimeout)
}

// bound lets the client take its time for a while, 0 for as long as it likes.
// Connections without a deadline, such as those of tests, have none. p.mu is held.
func (p *patientWriter) bound(patience time.Duration) {
	var deadline time.Time
	if patience > 0 {
		deadline = time.Now().Add(patience)
	}
	_ = p.control.SetWriteDeadline(deadline)
}

// Hijack implements http.Hijacker. The connection is no longer ours to bound.
func (p *patientWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	connection, buffered, err := p.control.Hijack()
	p.hijacked = err == nil
	return connection, buffered, err
}

// WriteHeader implements http.ResponseWriter. Only informational answers are written
// at once, and net/http may still write 100 Continue after them.
func (p *patientWriter) WriteHeader(status int) {
	if status < http.StatusOK {
		p.begin()
		defer p.free()
	}
	p.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (p *patientWriter) Write(b []byte) (int, error) {
	p.begin()
	defer p.rest()
	return p.ResponseWriter.Write(b)
}

// FlushError is for http.ResponseController.
func (p *patientWriter) FlushError() error {
	p.begin()
	defer p.rest()
	return p.control.Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (p *patientWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }
