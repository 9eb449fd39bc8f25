package proxy

import "net/http"

// answerWriter takes Postern's own headers out of informational answers, which
// httputil passes on without asking anybody. Final answers go through
// modifyResponse.
type answerWriter struct{ http.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *answerWriter) WriteHeader(status int) {
	if status < http.StatusOK {
		removeOwn(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
