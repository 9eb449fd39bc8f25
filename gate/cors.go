package gate

import "net/http"

// AnswerPreflight renders the answer to a preflight that is not refused. It
// allows nothing to a page that a route which only reports would refuse.
func (d *Decision) AnswerPreflight() Answer {
	return Answer{Status: http.StatusNoContent, Header: d.cors.Preflight(d.request.Header)}
}

// ApplyCORS sets in the header of a backend's answer what pages of other
// origins may read, where there is a policy for them.
func (d *Decision) ApplyCORS(h http.Header) {
	if d.request != nil {
		d.cors.Apply(h, d.request.Header)
	}
}
