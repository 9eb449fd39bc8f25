package policytest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"postern/policy"
)

// Answer is what a service says of a credential: a JSON value, or an empty body
// with a status.
type Answer struct {
	Status int `yaml:"status"`
	// Alone is the status in place of the mapping.
	Alone int `yaml:",scalar"`
	JSON  any `yaml:"json"`
}

func (a *Answer) check(at policy.Path, problems *policy.Problems) {
	if a.Status+a.Alone == 0 && a.JSON == nil {
		problems.Addf(at, "wants json, status or both")
	}
	if code := a.Status + a.Alone; code != 0 && (code < 200 || code > 599) {
		problems.Addf(at, "%d is no status of an answer", code)
	}
}

// service gives the answer to whatever it is asked, and remembers that it was.
type service struct {
	answer Answer
	asked  bool
}

// RoundTrip implements [http.RoundTripper].
func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked = true
	status, body := s.answer.Status+s.answer.Alone, []byte{}
	if status == 0 {
		status = http.StatusOK
	}
	if s.answer.JSON != nil {
		var err error
		if body, err = json.Marshal(s.answer.JSON); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
}
