package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

//go:embed testdata/e2e/bodies.yaml
var bodiesYAML string

func zipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// postRaw opens a connection and writes a POST as it is given.
func postRaw(t *testing.T, b *testbed, target, fields, body string) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	connection := dial(t, b.address)
	if _, err := fmt.Fprintf(connection, "POST %s\r\n%s\r\n%s", target, fields, body); err != nil {
		t.Fatal(err)
	}
	return connection, bufio.NewReader(connection)
}

// What a rule has read reaches the backend as it came, with its length.
func TestBodiesArriveAsTheyCame(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, bodiesYAML, map[string]string{"DATA": data.URL, "BODY_TIMEOUT": "30s"})
	const (
		http11 = "/json HTTP/1.1"
		host   = "Host: postern\r\nContent-Type: application/json\r\n"
	)
	body := " {\"x\":[1.0, 1e3,\"\\u0041\\/\"],\r\n\t\"customer\" : \"\\u0061da\"}\n"
	chunked := func(text string) string {
		var chunks strings.Builder
		for chunk := range strings.SplitAfterSeq(text, ",") {
			fmt.Fprintf(&chunks, "%x;ext=1\r\n%s\r\n", len(chunk), chunk)
		}
		return chunks.String()
	}
	length := func(text string) string { return fmt.Sprintf("Content-Length: %d\r\n", len(text)) }
	gz := zipped(t, body)
	large := `{"customer":"ada","x":"` + strings.Repeat("x", 16<<10-25) + `"}`
	for name, test := range map[string]struct {
		target, fields, sent string
		want                 string
	}{
		"with its length": {http11, host + length(body), body, body},
		"in chunks":       {http11, host + "Transfer-Encoding: chunked\r\n", chunked(body) + "0\r\n\r\n", body},
		"with trailers": {
			http11, host + "Transfer-Encoding: chunked\r\nTrailer: X-Customer-Id, X-Sum\r\n",
			chunked(body) + "0\r\nX-Customer-Id: eve\r\nX-Sum: 1\r\n\r\n", body,
		},
		"in gzip":           {http11, host + "Content-Encoding: gzip\r\n" + length(gz), gz, gz},
		"in gzip in chunks": {http11, host + "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(gz), gz), gz},
		"by HTTP/1.0":       {"/json HTTP/1.0", host + length(body), body, body},
		"at the limit":      {http11, host + length(large), large, large},
	} {
		t.Run(name, func(t *testing.T) {
			_, answers := postRaw(t, b, test.target, test.fields+"Authorization: JWT "+widgetToken(t, jwt.MapClaims{"sub": "ada"})+"\r\n", test.sent)
			if got := readAnswer(t, answers); got.status != http.StatusOK {
				t.Fatalf("%+v", got)
			}
			got := data.next(t)
			if got.body != test.want || got.contentLength != int64(len(test.want)) || got.broken || len(got.trailer) > 0 {
				t.Errorf("the backend received %d bytes, told %d, trailers %v: %q", len(got.body), got.contentLength, got.trailer, got.body)
			}
			want := http.Header{"X-Customer-Id": {"ada"}, "X-Said": {"ada"}}
			if diff := cmp.Diff(want, alike(got.header, "X-Customer-Id", "X-Said", "Trailer", "Expect", "X-Sum")); diff != "" {
				t.Errorf("headers: %s", diff)
			}
			if wantEncoding := strings.Contains(test.fields, "gzip"); (got.header.Get("Content-Encoding") == "gzip") != wantEncoding {
				t.Errorf("Content-Encoding: %q", got.header.Get("Content-Encoding"))
			}
		})
	}
	t.Run("after 100 Continue", func(t *testing.T) {
		connection, answers := postRaw(t, b, http11, host+length(body)+"Expect: 100-continue\r\nAuthorization: JWT "+widgetToken(t, jwt.MapClaims{"sub": "ada"})+"\r\n", "")
		if got := readAnswer(t, answers); got.status != http.StatusContinue {
			t.Fatalf("%+v", got)
		}
		_, _ = io.WriteString(connection, body)
		if got := readAnswer(t, answers); got.status != http.StatusOK {
			t.Errorf("%+v", got)
		}
		if got := data.next(t); got.body != body || got.header.Get("Expect") != "" || got.contentLength != int64(len(body)) {
			t.Errorf("the backend received %+v", got)
		}
	})
	// What is refused for its length alone is not asked for.
	t.Run("no 100 Continue", func(t *testing.T) {
		_, answers := postRaw(t, b, http11, host+"Content-Length: 16385\r\nExpect: 100-continue\r\nAuthorization: JWT "+widgetToken(t, jwt.MapClaims{"sub": "ada"})+"\r\n", "")
		if got := readAnswer(t, answers); got.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%+v", got)
		}
	})
	data.expectNone(t)
}

func TestBodyRules(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, bodiesYAML, map[string]string{"DATA": data.URL, "BODY_TIMEOUT": "30s"})
	ada := widgetToken(t, jwt.MapClaims{"sub": "ada", "conversations": []any{"c1", "c2", 3}})
	ids := widgetToken(t, jwt.MapClaims{"sub": map[string]any{"registered": "a@b.c"}})
	const json, form = "application/json", "application/x-www-form-urlencoded"
	for _, test := range []struct {
		target, token, kind, body string
		reason                    string // "" where it is allowed
	}{
		{"/json", ada, json, `{"customer":"ada"}`, ""},
		{"/json", ada, json + "; charset=utf-8", `{"customer":"ada"}`, ""},
		{"/json", ada, "application/cloudevents+json", `{"customer":"ada"}`, ""},
		{"/json", ada, json, `{"customer":"eve"}`, "identity_mismatch"},
		{"/json", ada, json, `{"customer":{"id":"ada"}}`, "identity_mismatch"},
		{"/json", ada, json, `{}`, "identity_missing"},
		{"/json", ada, json, `{"customer":null}`, "identity_missing"},
		{"/json", ada, json, ``, "identity_missing"},
		{"/json", ada, json, `{"customer":"eve","customer":"ada"}`, "malformed_body"},
		{"/json", ada, json, `{"Customer":"eve","customer":"ada"}`, "malformed_body"},
		{"/json", ada, json, `{"customer":"ada"}{"customer":"eve"}`, "malformed_body"},
		{"/json", ada, json, `{"customer":"ada"`, "malformed_body"},
		{"/json", ada, json, "\ufeff" + `{"customer":"ada"}`, "malformed_body"},
		{"/json", ada, json, `{"customer":"ada","x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, "malformed_body"},
		{"/json", ada, json, `customer=ada`, "malformed_body"},
		{"/json", ada, form, `customer=ada`, "malformed_body"},
		{"/json", ada, "", `{"customer":"ada"}`, "malformed_body"},
		{"/json", ada, json, `{"customer":"ada","x":"` + strings.Repeat("x", 16<<10) + `"}`, "body_too_large"},
		{"/ids", ids, json, `{"customer_ids":{"registered":"a@b.c","cookie":"c"},"properties":{}}`, ""},
		{"/ids", ids, json, `{"customer_ids":{"registered":"e@b.c","cookie":"c"}}`, "identity_mismatch"},
		{"/ids", ids, json, `{"customer_ids":{"registered":"a@b.c","phone":"1"}}`, "identity_mismatch"},
		{"/ids", ids, json, `{"customer_ids":{"cookie":"c"}}`, "identity_mismatch"},
		{"/ids", ids, json, `{"customer_ids":null}`, "identity_missing"},
		{"/ids", widgetToken(t, jwt.MapClaims{"sub": map[string]any{}}), json, `{"customer_ids":{"cookie":"c"}}`, "missing_claim"},
		{"/batch", ids, json, `{"commands":[{"data":{"customer_ids":{"registered":"a@b.c"}}},{"data":{"customer_ids":{"cookie":"c","registered":"a@b.c"}}}]}`, ""},
		{"/batch", ids, json, `{"commands":[{"data":{"customer_ids":{"registered":"a@b.c"}}},{"data":{"customer_ids":{"registered":"e@b.c"}}}]}`, "identity_mismatch"},
		{"/batch", ids, json, `{"commands":[{"data":{"customer_ids":{"registered":"a@b.c"}}},{"data":{}}]}`, "identity_missing"},
		{"/batch", ids, json, `{"commands":[]}`, "identity_missing"},
		{"/batch", ids, json, `{"commands":{"data":{"customer_ids":{"registered":"a@b.c"}}}}`, "malformed_body"},
		{"/form", ada, form, `a=b&customer=ada`, ""},
		{"/form", ada, form + "; charset=UTF-8", `customer=ada`, ""},
		{"/form", ada, form, `customer=ada&customer=eve`, "identity_mismatch"},
		{"/form", ada, form, `a=b`, "identity_missing"},
		{"/form", ada, form, `customer=ada&CUSTOMER=eve`, "malformed_request"},
		{"/form", ada, form, `customer=ada&customer[]=eve`, "malformed_request"},
		{"/form", ada, form, `customer=ada;customer=eve`, "malformed_body"},
		{"/form", ada, json, `{"customer":"ada"}`, "malformed_body"},
		{"/form", ada, "multipart/form-data; boundary=b", "--b\r\n\r\n--b--", "malformed_body"},
		{"/conversations", ada, json, `{"conversation":"c2"}`, ""},
		{"/conversations", ada, json, `{"conversation":3}`, ""},
		{"/conversations", ada, json, `{"conversation":"c3"}`, "identity_mismatch"},
		{"/conversations", ids, json, `{"conversation":"c1"}`, "missing_claim"},
	} {
		for _, encoding := range []string{"", "gzip"} {
			r := b.request(http.MethodPost, test.target, strings.NewReader(test.body), "Authorization: JWT "+test.token)
			if encoding != "" && test.body != "" {
				r = b.request(http.MethodPost, test.target, strings.NewReader(zipped(t, test.body)), "Authorization: JWT "+test.token, "Content-Encoding: gzip")
			}
			if test.kind != "" {
				r.Header.Set("Content-Type", test.kind)
			}
			got := b.exchange(r)
			if reason := got.header.Get("Postern-Reason"); reason != test.reason {
				t.Errorf("%s %s %.80q: %d %s, want %s", test.target, encoding, test.body, got.status, reason, test.reason)
			}
			if test.reason == "" {
				data.next(t)
			}
			data.expectNone(t)
		}
	}
}

// A body that does not come to its end is not decided about, nor passed on.
func TestBodiesCutShort(t *testing.T) {
	data := newSpy(t, nil)
	b := start(t, bodiesYAML, map[string]string{"DATA": data.URL, "BODY_TIMEOUT": "100ms"})
	whole := `{"customer":"ada"}`
	for name, test := range map[string]struct {
		fields, body string
		close        bool
		reason       string
	}{
		"shorter than its length": {"Content-Length: 100\r\n", whole, true, "malformed_body"},
		"without its last chunk":  {"Transfer-Encoding: chunked\r\n", "12\r\n" + whole + "\r\n", true, "malformed_body"},
		"a chunk of no size":      {"Transfer-Encoding: chunked\r\n", "12\r\n" + whole + "\r\nzz\r\n", false, "malformed_request"},
		"too slow":                {"Content-Length: 100\r\n", whole, false, "malformed_request"},
	} {
		t.Run(name, func(t *testing.T) {
			connection, answers := postRaw(t, b, "/json HTTP/1.1",
				"Host: postern\r\nContent-Type: application/json\r\n"+test.fields+"Authorization: JWT "+widgetToken(t, jwt.MapClaims{"sub": "ada"})+"\r\n", test.body)
			if test.close {
				_ = connection.CloseWrite()
			}
			expectRefusal(t, b, readAnswer(t, answers), http.StatusBadRequest, test.reason)
			data.expectNone(t)
		})
	}
}

// slowBodies begins as many bodies as there is room for together: each is of
// unknown length, and so holds 4 KiB once it is asked for.
func slowBodies(t *testing.T, b *testbed, target string, fields ...string) (connections []*net.TCPConn, answers []*bufio.Reader) {
	t.Helper()
	for range 64 / 4 {
		c, a := postRaw(t, b, target+" HTTP/1.1", "Host: postern\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n"+
			strings.Join(fields, "\r\n")+"\r\n", "")
		if got := readAnswer(t, a); got.status != http.StatusContinue {
			t.Fatalf("%+v", got)
		}
		_, _ = io.WriteString(c, "11\r\n{\"customer\":\"ada\"\r\n")
		connections, answers = append(connections, c), append(answers, a)
	}
	return connections, answers
}

// finishBodies ends what slowBodies has begun.
func finishBodies(t *testing.T, connections []*net.TCPConn, answers []*bufio.Reader) {
	t.Helper()
	for i, c := range connections {
		_, _ = io.WriteString(c, "1\r\n}\r\n0\r\n\r\n")
		if got := readAnswer(t, answers[i]); got.status != http.StatusOK {
			t.Errorf("%+v", got)
		}
	}
}

// Bodies that are read take no more room together than the configuration says,
// and leave it however they end.
func TestRoomForBodies(t *testing.T) {
	asJSON, ada := "Content-Type: application/json", "Authorization: JWT "+widgetToken(t, jwt.MapClaims{"sub": "ada"})
	refused := func(t *testing.T, _ []*net.TCPConn, answers []*bufio.Reader) {
		for _, a := range answers {
			if got := readAnswer(t, a); got.status != http.StatusBadRequest {
				t.Errorf("%+v", got)
			}
		}
	}
	for name, end := range map[string]func(*testing.T, []*net.TCPConn, []*bufio.Reader){
		"they come to their end": finishBodies,
		"they break off": func(t *testing.T, connections []*net.TCPConn, answers []*bufio.Reader) {
			for _, c := range connections {
				_ = c.CloseWrite()
			}
			refused(t, connections, answers)
		},
		"their clients leave": func(_ *testing.T, connections []*net.TCPConn, _ []*bufio.Reader) {
			for _, c := range connections {
				_ = c.SetLinger(0) // the close is a reset
				c.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			data := newSpy(t, nil)
			b := start(t, bodiesYAML, map[string]string{"DATA": data.URL, "BODY_TIMEOUT": "30s"})
			connections, answers := slowBodies(t, b, "/json", asJSON, ada)
			got := b.exchange(b.request(http.MethodPost, "/json", strings.NewReader(`{"customer":"ada"}`), asJSON, ada))
			if got.header.Get("Retry-After") == "" {
				t.Errorf("no Retry-After: %+v", got)
			}
			expectRefusal(t, b, got, http.StatusServiceUnavailable, "overloaded")
			// What needs no room is served all the same.
			expectRefusal(t, b, b.send(http.MethodGet, "/json", ada), http.StatusForbidden, "identity_missing")
			end(t, connections, answers)
			for range connections {
				b.log.next(t, "request")
			}
			connections, answers = slowBodies(t, b, "/json", asJSON, ada) // which need all of it
			finishBodies(t, connections, answers)
		})
	}
	t.Run("their time is over", func(t *testing.T) {
		data := newSpy(t, nil)
		b := start(t, bodiesYAML, map[string]string{"DATA": data.URL, "BODY_TIMEOUT": "500ms"})
		for range 2 {
			connections, answers := slowBodies(t, b, "/json", asJSON, ada)
			refused(t, connections, answers)
		}
	})
}
