package forwardauth_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http/httpguts"

	"postern/forwardauth"
	"postern/policy"
)

// What a proxy describes is read as net/http reads the request itself, or refused:
// no request is decided about that another one is served for.
func FuzzDescribe(f *testing.F) {
	for _, seed := range [][3]string{
		{"GET", "/customers/ann?x=1&x=%2F", "www.example.com"}, {"POST", "//a/..;/b", "[::1]:80"}, {"PUT", "/a%2fb#c", "a.example:443"},
		{"get", "/", ""}, {"GET", "*", "a"}, {"OPTIONS", "/*", "a"}, {"CONNECT", "/", "a"}, {"GET", "http://b.example/", "a"},
		{"GET", "/ HTTP/1.1", "a"}, {"G T", "/", "a"}, {"GET", "/?a b", "a"}, {"GET", "/\x80\xff", "a"}, {"GET", "/%", "a"}, {"GET", "", "a"}, {"GET", "/a?b?c", "a\tb"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, method, uri, host string) {
		question := httptest.NewRequest(http.MethodGet, "/", nil)
		question.Header = http.Header{"X-Forwarded-Method": {method}, "X-Forwarded-Uri": {uri}, "X-Forwarded-Host": {host}}
		got, err := forwardauth.Describe(question)
		if err != nil {
			if reason := policy.ReasonOf(err); reason != policy.MalformedRequest && reason != policy.Internal {
				t.Errorf("%v", err)
			}
			return
		}
		if !httpguts.ValidHeaderFieldValue(host) || strings.TrimSpace(host) != host {
			return // no header has such a value
		}
		want, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + uri + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")))
		if err != nil {
			t.Fatalf("%q %q %q: %v", method, uri, host, err)
		}
		if diff := cmp.Diff([]any{want.Method, want.URL, want.RequestURI, want.Host}, []any{got.Method, got.URL, got.RequestURI, got.Host}); diff != "" {
			t.Errorf("%q %q %q: %s", method, uri, host, diff)
		}
	})
}

// The question itself is not changed, and nothing of its connection or its body
// is taken for the request's.
func TestDescribeChangesNothing(t *testing.T) {
	question := httptest.NewRequest(http.MethodPost, "/auth", strings.NewReader("a body"))
	question.Header = http.Header{
		"X-Original-Method": {"GET"}, "X-Original-Uri": {"/chat"}, "Connection": {"close, X-Original-Uri"}, "Sec-Websocket-Key": {"k"}, "Cookie": {"a=b"},
	}
	before := question.Header.Clone()
	got, err := forwardauth.Describe(question)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, question.Header); diff != "" || question.Method != http.MethodPost {
		t.Error(diff)
	}
	want := before.Clone()
	want["Connection"], want["Upgrade"] = []string{"close, X-Original-Uri", "Upgrade"}, []string{"websocket"}
	if diff := cmp.Diff(want, got.Header); diff != "" || got.Body != http.NoBody || got.ContentLength != 0 {
		t.Errorf("%s, a body of %d bytes", diff, got.ContentLength)
	}
}
