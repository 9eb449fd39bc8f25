package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// A body is let go once the backend has it and answers: readers of answers that
// take their time leave the room to others.
func TestSlowReadersTakeNoRoom(t *testing.T) {
	release := make(chan struct{})
	data := newSpy(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begin")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	b := start(t, bodiesYAML, map[string]string{"DATA": data.URL, "BODY_TIMEOUT": "30s"})
	ada := "Authorization: JWT " + widgetToken(t, jwt.MapClaims{"sub": "ada"})
	body := `{"customer":"ada","text":"` + strings.Repeat("x", 12<<10) + `"}`
	for i := range 20 { // of which five would fill the room
		response, err := b.client.Do(b.request(http.MethodPost, "/json", strings.NewReader(body), "Content-Type: application/json", ada))
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusOK {
			t.Fatalf("request %d: %s, %s", i, response.Status, response.Header.Get("Postern-Reason"))
		}
		t.Cleanup(func() { response.Body.Close() })
		if got := data.next(t); got.body != body {
			t.Errorf("the backend got %d bytes", len(got.body))
		}
	}
	close(release)
}

const limitYAML = anyPort + `
upstreams: { data: { url: "${DATA}" } }
routes:
  - { name: limited, match: /limited, upstream: data, authenticate: [anonymous], body_limit: 10B }
  - { name: free, match: /free, upstream: data, authenticate: [anonymous] }
`

// A limit holds where nothing reads the body, too.
func TestBodyLimitOfUnreadBodies(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, limitYAML, map[string]string{"DATA": data.URL})
	long := strings.Repeat("x", 2<<20)
	for _, test := range []struct {
		target string
		body   io.Reader // with an unknown length unless it is a strings.Reader
		status int
	}{
		{"/limited", strings.NewReader("1234567890"), http.StatusOK},
		{"/limited", io.MultiReader(strings.NewReader("1234567890")), http.StatusOK},
		{"/limited", strings.NewReader("12345678901"), http.StatusRequestEntityTooLarge},
		{"/limited", io.MultiReader(strings.NewReader("12345678901")), http.StatusRequestEntityTooLarge},
		{"/free", strings.NewReader(long), http.StatusOK},
		{"/free", io.MultiReader(strings.NewReader(long)), http.StatusOK},
	} {
		got := b.exchange(b.request(http.MethodPost, test.target, test.body))
		logged := b.log.next(t, "request")
		if got.status != test.status {
			t.Errorf("%s: %+v", test.target, got)
		}
		if test.status != http.StatusOK && (got.header.Get("Postern-Reason") != "body_too_large" || logged["decision"] != "deny") {
			t.Errorf("%s: %+v, logged %v", test.target, got, logged)
		}
	}
}
