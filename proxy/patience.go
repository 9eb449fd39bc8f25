package proxy

import (
	"bufio"
	"net"
	"net/http"
	"time"
)

// writeTimeout is how long a client may take nothing of an answer that is ready
// for it. Between writes an answer may take as long as it likes.
const writeTimeout = 30 * time.Second

// patientWriter bounds each write to a client, so that one that does not read
// its answer cannot hold its connection, and the upstream's, for ever. Beyond the
// bound the connection, or the stream of HTTP/2, is at its end.
type patientWriter struct {
	http.ResponseWriter
	control   *http.ResponseController
	unbounded bool
	hijacked  bool
}

func newPatientWriter(w http.ResponseWriter, r *http.Request) *patientWriter {
	p := &patientWriter{ResponseWriter: w, control: http.NewResponseController(w)}
	if r.ProtoMajor == 1 {
		// net/http itself writes 100 Continue. In HTTP/2 a deadline ends the stream
		// also while nothing is written.
		p.begin()
	}
	return p
}

// unbound lets the client take its time from now on: what it gets is a stream.
func (p *patientWriter) unbound() {
	p.unbounded = true
	p.rest()
}

// begin and rest bound what is written between them. Connections without a
// deadline, such as those of tests, have none.
func (p *patientWriter) begin() {
	if !p.unbounded {
		_ = p.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	}
}

func (p *patientWriter) rest() { _ = p.control.SetWriteDeadline(time.Time{}) }

// end bounds what net/http still writes once the handler has returned.
func (p *patientWriter) end() {
	if p.hijacked {
		return
	}
	p.unbounded = false
	p.begin()
}

// Hijack implements http.Hijacker. The connection is no longer ours to bound.
func (p *patientWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	connection, buffered, err := p.control.Hijack()
	p.hijacked = err == nil
	return connection, buffered, err
}

// WriteHeader implements http.ResponseWriter. It writes informational answers at
// once.
func (p *patientWriter) WriteHeader(status int) {
	p.begin()
	p.ResponseWriter.WriteHeader(status)
	p.rest()
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
