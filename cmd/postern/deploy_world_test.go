package main

import (
	"crypto/tls"
	_ "embed"
	"net/http"
	"testing"
)

//go:embed testdata/e2e/deploy.yaml
var deployYAML string

// measured is a Postern all of whose metrics have a sample once it has played.
type measured struct {
	*secured
	customers *http.Client
	token     string
}

func newMeasured(t *testing.T) *measured {
	m := &measured{secured: newSecured(t)}
	keys := newIssuer(t, "k1")
	m.values["CHAT"], m.values["DEAD"], m.values["KEYS"] = newChat(t).URL, deadAddress(t), keys.URL
	m.start(t, deployYAML)
	m.customers = newTLSClient(t, m.ca, false, tls.Certificate{})
	m.token = "Authorization: Bearer " + keys.sign(t, "k1", customerClaims())
	return m
}

// play sends requests of every kind: allowed, refused, reported, failed by the
// upstream, and a stream.
func (m *measured) play(t *testing.T) {
	t.Helper()
	for _, call := range []struct {
		target string
		fields []string
		status int
	}{
		{"/data", []string{"Authorization: Token app-secret", "X-Customer-Id: forged"}, http.StatusOK},
		{"/data", []string{m.token}, http.StatusOK},
		{"/data", nil, http.StatusUnauthorized},
		{"/new", nil, http.StatusOK},
		{"/dead", []string{"Authorization: Token app-secret"}, http.StatusBadGateway},
		{"/elsewhere", nil, http.StatusNotFound},
		{"/events", []string{m.token}, http.StatusOK},
	} {
		response, err := m.customers.Do(m.newRequest(t, http.MethodGet, call.target, "", call.fields...))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != call.status {
			t.Fatalf("%s: %s", call.target, response.Status)
		}
	}
	m.log.next(t, "stream")
}
