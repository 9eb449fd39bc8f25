package explain

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
)

// token is a JWT that nobody has signed.
const token = "eyJhbGciOiJub25lIn0.e30.c2ln"

func TestMask(t *testing.T) {
	m := newMask([]authn.Carrier{
		{Header: "X-Api-Key"}, {Query: "token"}, {Protocol: "jwt"}, {Cookie: "session"}, {Header: "Authorization", Scheme: "Token"},
	})
	for _, test := range []struct{ name, value, want string }{
		{"Accept", "text/html, */*", "text/html, */*"},
		{"Authorization", "Token s3cret", "Token <6 bytes>"},
		{"authorization", "s3cret", "<6 bytes>"},
		{"Authorization", "Basic YTpi YTpi", "Basic <9 bytes>"},
		{"Authorization", "token s3cret", "token <6 bytes>"},
		{"Authorization", "s3cret two", "<10 bytes>"},
		{"Proxy-Authorization", "Basic YTpi", "Basic <4 bytes>"},
		{"Proxy-Authorization", "bearer s3cret", "bearer <6 bytes>"},
		{"X_Api_Key", "s3cret", "<6 bytes>"},
		{"Cookie", "session=s3cret; theme=dark;broken", "session=<6 bytes>; theme=<4 bytes>;=<6 bytes>"},
		{"Sec-Websocket-Protocol", "jwt, s3cret, chat", "jwt, <6 bytes>, <4 bytes>"},
		{"Sec-Websocket-Protocol", "s3cret,JWT", "<6 bytes>, JWT"},
		{"Referer", "https://h/a?token=s3cret&b=c", "https://h/a?token=<6 bytes>&b=c"},
		{"X-Original-Url", "/a;v=1?b;token=s3cret", "/a;v=<1 bytes>?b;token=<6 bytes>"},
		{"Accept", "text/html;q=0.9", "text/html;q=0.9"},
		{"X-Other", token, "<28 bytes>"},
		{"X-Other", "Bearer " + token, "<35 bytes>"},
		{"X-Other", `{"token":"` + token + `"}`, "<40 bytes>"},
	} {
		if got := m.value(test.name, test.value); got != test.want {
			t.Errorf("%s: %s: %s, want %s", test.name, test.value, got, test.want)
		}
	}
	for target, want := range map[string]string{
		"/a":                           "/a",
		"/a?b=c&d":                     "/a?b=c&d",
		"/a?token=s3cret&b=c":          "/a?token=<6 bytes>&b=c",
		"/a?Token=s3cret":              "/a?Token=<6 bytes>",
		"/a?tok%65n=s3cret":            "/a?tok%65n=<6 bytes>",
		"/a?token[]=s3cret":            "/a?token[]=<6 bytes>",
		"/a?%zz=s3cret":                "/a?%zz=<6 bytes>",
		"/a?other=" + token:            "/a?other=<28 bytes>",
		"/a?" + token + "&b":           "/a?<28 bytes>&b",
		"/a?b=c;token=s3cret&d;e":      "/a?b=c;token=<6 bytes>&d;e",
		"/a?token=s3c;ret=4;b&c=d":     "/a?token=<11 bytes>&c=d",
		"/a?token;s3cret&c=d":          "/a?token=<7 bytes>&c=d",
		"/a;id=s3cret;s3cret/b;c?d=e":  "/a;id=<6 bytes>;<6 bytes>/b;<1 bytes>?d=e",
		"http://h/a?b=c&token=s3cret=": "http://h/a?b=c&token=<7 bytes>",
	} {
		if got := m.target(target); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	got := m.header(http.Header{"X-Api-Key": {"a", "bc"}, "Accept": {"*/*"}})
	if diff := cmp.Diff(http.Header{"X-Api-Key": {"<1 bytes>", "<2 bytes>"}, "Accept": {"*/*"}}, got); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	// Without an authenticator that reads it, a list of protocols is no secret.
	if got := newMask(nil).value("Sec-Websocket-Protocol", "chat, json"); got != "chat, json" {
		t.Error(got)
	}
}
