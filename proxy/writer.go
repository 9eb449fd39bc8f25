package proxy

import "net/http"

// answerWriter adapts the header of an upstream's answer where httputil asks
// nobody. Final answers go through modifyResponse, too.
type answerWriter struct {
	http.ResponseWriter
	exchange *exchange
}

// WriteHeader implements http.ResponseWriter.
func (w *answerWriter) WriteHeader(status int) {
	switch x := w.exchange; {
	case status < http.StatusOK:
		removeOwn(w.Header())
	case !x.multiplexed && !x.body.ended():
		// Before it writes a header, net/http reads what is left of the body, which
		// the transport is reading, too: each would have pieces of it. It does not
		// where the connection ends with this answer.
		w.Header().Set("Connection", "close")
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
