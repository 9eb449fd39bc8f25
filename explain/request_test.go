package explain_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/explain"
)

func TestParseRequest(t *testing.T) {
	for _, test := range []struct {
		address string
		want    explain.Request // without the method
		err     string
	}{
		{address: "/", want: explain.Request{Host: "localhost", Target: "/"}},
		{address: "/a/../b%2fc?d=e f", err: "the URL holds a space or a control character, or no host"},
		{address: "/a/../b%2fc//?d=%zz", want: explain.Request{Host: "localhost", Target: "/a/../b%2fc//?d=%zz"}},
		{address: "/redirect?to=https://x/", want: explain.Request{Host: "localhost", Target: "/redirect?to=https://x/"}},
		{address: "http://Host.example:81/a?b#c", want: explain.Request{Host: "Host.example:81", Target: "/a?b"}},
		{address: "https://host.example", want: explain.Request{Host: "host.example", Target: "/"}},
		{address: "wss://host.example?a", want: explain.Request{Host: "host.example", Target: "/?a"}},
		{address: "http://[::1]:80/", want: explain.Request{Host: "[::1]:80", Target: "/"}},
		{address: "", want: explain.Request{Host: "localhost", Target: "/"}},
		{address: "a/b", err: `"a/b" is no URL, and no path that begins with a slash`},
		{address: "a/b?token=s3cret", err: `"a/b" is no URL, and no path that begins with a slash`},
		{address: "ftp://host.example/", err: "ftp:// is not served: use http, https, ws, wss, or a path"},
		{address: "http:///a", err: "the URL holds a space or a control character, or no host"},
		{address: "http://ann:s3cret@host.example/", err: "a user in the URL is no part of a request: send an Authorization header"},
		{address: "/a\r\nX: y", err: "the URL holds a space or a control character, or no host"},
	} {
		got, err := explain.ParseRequest("GET", test.address)
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%q: %v, want %s", test.address, err, test.err)
			}
			continue
		}
		test.want.Method = "GET"
		if diff := cmp.Diff(&test.want, got); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", test.address, err, diff)
		}
	}
	for _, method := range []string{"", "GET /", "Bearer s3cret"} {
		_, err := explain.ParseRequest(method, "/")
		if want := "the method is empty, or holds a space or a control character"; err == nil || err.Error() != want {
			t.Errorf("method %q: %v, want %s", method, err, want)
		}
	}
}

func TestAddField(t *testing.T) {
	r := &explain.Request{Host: "localhost"}
	for line, want := range map[string]string{
		"X-A: b: c":            "",
		"X-B:":                 "",
		"x-c:  spaces  ":       "",
		"Host: other.example":  "",
		"X-D":                  "a header field has no name before a colon: write Name: value",
		": d":                  "a header field has no name before a colon: write Name: value",
		"X-E: f\r\nX-G: h":     `the header field "X-E" holds a line break`,
		"content-length: 1":    "content-length is set by the body: leave it out",
		"Transfer-Encoding: x": "Transfer-Encoding is set by the body: leave it out",
	} {
		got := ""
		if err := r.AddField(line); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if r.Host != "other.example" || len(r.Fields) != 3 {
		t.Errorf("%+v", r)
	}
}

func TestSetBody(t *testing.T) {
	for _, test := range []struct{ body, field, want string }{
		{`{"a":1}`, "", "application/json"},
		{" \n[]", "", "application/json"},
		{"a=b", "", "application/x-www-form-urlencoded"},
		{"", "", "application/x-www-form-urlencoded"},
		{"{}", "content-type: text/plain", "text/plain"},
	} {
		r := &explain.Request{}
		if test.field != "" {
			if err := r.AddField(test.field); err != nil {
				t.Fatal(err)
			}
		}
		r.SetBody([]byte(test.body))
		if len(r.Fields) != 1 || r.Fields[0].Value != test.want || !r.HasBody {
			t.Errorf("%q: %+v, want %s", test.body, r, test.want)
		}
	}
}
