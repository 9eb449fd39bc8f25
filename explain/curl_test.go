package explain_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/explain"
)

// around is what the command lines of the tests refer to.
func around(folder string) explain.Surroundings {
	return explain.Surroundings{
		LookupEnv: func(name string) (string, bool) {
			value, ok := map[string]string{"TOKEN": "t0ken", "EMPTY": ""}[name]
			return value, ok
		},
		ReadFile: func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(folder, name)) },
	}
}

// commands are command lines as people and browsers write them; URL stands for a
// server's.
var commands = []string{
	`curl URL`,
	`curl URL/`,
	`curl 'URL/a%20b?c=d&e=f#g'`,
	`curl -H 'Authorization: JWT a.b.c' URL/p`,
	`curl -H "Authorization: Token $TOKEN" -H "X-Empty;" -H 'User-Agent:' -H 'Accept:' URL/p`,
	`curl -X PUT --url URL/p -d a=b -d 'c=d e'`,
	`curl -XPATCH URL/p --data-raw @body.txt`,
	`curl URL/p -d @body.txt`,
	`curl URL/p --data-binary @body.txt -H 'Content-Type: text/plain'`,
	`curl URL/p --data-binary $'{"a":"b\'c\\n\u00e9"}' -H 'content-type: application/json'`,
	`curl URL/p --json '{"a":1}' --json ',2'`,
	`curl -G URL/p -d a=b --data-urlencode 'c=d &' --data-urlencode '=f g' --data-urlencode 'h i'`,
	`curl -G 'URL/p?x=y' -d a=b`,
	`curl -G URL/p`,
	`curl -I URL/p`,
	`curl -I -G URL/p -d a=b`,
	`curl -u 'ann:s3cret word' URL/p`,
	`curl --oauth2-bearer abc URL/p`,
	`curl -b 'a=b; c=d' -A agent/1 -e http://from/ URL/p`,
	`curl -b a=b -b c=d URL/p`,
	`curl -A first -A second URL/p`,
	`curl -H 'Host: other.example' URL/p`,
	`curl --compressed -sSkfN --path-as-is URL/a/../b/./c`,
	`curl URL/a/../b/./c/..`,
	`curl -o /dev/null -w '' -m 10 --connect-timeout 5 -g 'URL/p?a[0]=b'`,
	"curl 'URL/p' \\\n  -H 'accept: */*' \\\n  -H 'x-a: b' \\\n  --data-raw '{}' \\\n  --compressed",
	`curl -d '' URL/p`,
	`curl -d a -H 'Content-Type:' URL/p`,
	`curl -d a -H 'Content-Type;' URL/p`,
	`curl -H 'X-Spaces:   a  b  ' URL/p`,
	`curl -H 'x-a: 1' -H 'X-A: 2' URL/p`,
	`curl -d a=b -X GET URL/p`,
	`curl -H 'Cookie: a=b' -b c=d URL/p`,
	`curl -H 'Authorization: JWT a' -u b:c URL/p`,
	`curl -H 'Authorization:' -u b:c URL/p`,
	`curl -H 'Authorization:' --oauth2-bearer abc URL/p`,
	`curl -H 'Cookie:' -b c=d URL/p`,
	`curl -H 'user-agent:' -A a -H 'referer:' -e http://from/ URL/p`,
	`curl -A '' -e '' URL/p`,
	`curl -A a -A '' -e http://from/ -e '' URL/p`,
	`curl -A '' -A a -H 'Referer: b' -e '' URL/p`,
	`curl -- URL/p`,
}

// sent is a request as a server got it, in the order in which it came where that
// means anything.
type sent struct {
	Method, Target, Host, Body string
	Header                     http.Header
}

// What curl itself sends is what ParseCurl says.
func TestParseCurlAgreesWithCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("POSTERN_REQUIRE_TOOLS") != "" {
			t.Fatal("curl is missing: see scripts/test")
		}
		t.Skip("curl is missing: see scripts/test")
	}
	got := make(chan sent, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- sent{r.Method, r.RequestURI, r.Host, string(body), r.Header}
	}))
	defer server.Close()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "body.txt"), []byte("a=1\r\nb=2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range commands {
		line = strings.ReplaceAll(line, "URL", server.URL)
		shell := exec.CommandContext(t.Context(), "bash", "-c", line)
		shell.Dir, shell.Env = folder, []string{"PATH=" + os.Getenv("PATH"), "TOKEN=t0ken", "HOME=" + folder, "LC_ALL=C.UTF-8", "NO_PROXY=*"}
		if output, err := shell.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", line, err, output)
			continue
		}
		want := <-got
		r, err := explain.ParseCurl(line, around(folder))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		told := sent{r.Method, r.Target, r.Host, string(r.Body), http.Header{}}
		for _, f := range r.Fields {
			told.Header.Add(f.Name, f.Value)
		}
		// Who sends it, and what frames and packs it, is its own.
		for _, h := range []http.Header{want.Header, told.Header} {
			delete(h, "Content-Length")
			if strings.HasPrefix(h.Get("User-Agent"), "curl") {
				h.Set("User-Agent", "curl")
			}
			if _, packed := h["Accept-Encoding"]; packed {
				h.Set("Accept-Encoding", "")
			}
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("%s (-curl +told):\n%s", line, diff)
		}
	}
}

func TestParseCurlRefuses(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"wget http://x/", "the command line does not begin with curl"},
		{"", "the command line must be one command"},
		{"curl", "the command line names no URL"},
		{"curl http://x/ http://y/", "the command line names two URLs: only one request can be explained"},
		{"curl -H", "curl's option -H wants a value"},
		{"curl --proxy http://y/ http://x/", "curl's option --proxy is not understood here: leave it out, if the request is the same without it"},
		{"curl -sZ http://x/", "curl's option -Z is not understood here: leave it out, if the request is the same without it"},
		{"curl --data=a http://x/", "curl's option --data is not understood here: leave it out, if the request is the same without it"},
		{"curl http://x/ | sh", "the command line must be one command, without pipes, redirections and assignments"},
		{"curl http://x/ > file", "the command line must be one command, without pipes, redirections and assignments"},
		{"curl http://x/; rm -rf /", "the command line must be one command"},
		{"A=b curl http://x/", "the command line must be one command, without pipes, redirections and assignments"},
		{"curl http://x/$UNSET", "the command line names $UNSET, which is not set"},
		{"curl http://x/{a,b}", "the command line names two URLs: only one request can be explained"},
		{"curl 'http://x/{a,b}'", "curl expands {} and [] in a URL: encode them, or add -g"},
		{"curl ftp://x/", "ftp:// is not served: use http, https, ws, wss, or a path"},
		{"curl -u ann http://x/", "curl's -u without a password asks for it: write user:password"},
		{"curl -b jar.txt http://x/", "curl's -b with a file is not understood here: write name=value"},
		{"curl -H @fields http://x/", "curl's -H @file is not understood here: write the fields out"},
		{"curl -I -d a http://x/", "curl does not send data with -I"},
		{"curl -X 'GET / HTTP/1.1' http://x/", "the method is empty, or holds a space or a control character"},
		{"curl -X 'Bearer s3cret' http://x/", "the method is empty, or holds a space or a control character"},
		{"curl --oauth2-bearer=s3cret http://x/", "curl's option --oauth2-bearer is not understood here: leave it out, if the request is the same without it"},
		{"curl -H $'a: b\\nc: d' http://x/", `the header field "a" holds a line break`},
		{"curl --data-urlencode a@b http://x/", "curl's --data-urlencode of a file is not understood here"},
	} {
		_, err := explain.ParseCurl(test.line, around(t.TempDir()))
		if err == nil || err.Error() != test.want {
			t.Errorf("%q: %v, want %s", test.line, err, test.want)
		}
	}
	// What a shell would run is not run.
	folder := t.TempDir()
	for _, line := range []string{"curl http://x/$(touch ran)", "curl http://x/`touch ran`", "curl http://x/ -d @<(touch ran)"} {
		if _, err := explain.ParseCurl(line, around(folder)); err == nil || !strings.HasPrefix(err.Error(), "the command line holds more than words and variables") {
			t.Errorf("%q: %v", line, err)
		}
	}
	if list, err := os.ReadDir(folder); err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := explain.ParseCurl("curl http://x/ -d @missing", around(folder)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is missing: %v", err)
	}
}

// No command line harms the process, and what is read of one can be written as one
// request.
func FuzzParseCurl(f *testing.F) {
	for _, line := range commands {
		f.Add(strings.ReplaceAll(line, "URL", "http://x"))
	}
	f.Fuzz(func(t *testing.T, line string) {
		r, err := explain.ParseCurl(line, explain.Surroundings{
			LookupEnv: func(string) (string, bool) { return "", true },
			ReadFile:  func(string) ([]byte, error) { return []byte("file"), nil },
		})
		if err != nil {
			return
		}
		breaks := func(s string) bool { return strings.ContainsAny(s, "\r\n\x00") }
		if breaks(r.Method+r.Target+r.Host) || strings.ContainsAny(r.Method+r.Target, " ") || !strings.HasPrefix(r.Target, "/") ||
			slices.ContainsFunc(r.Fields, func(f explain.Field) bool { return breaks(f.Name + f.Value) }) {
			t.Errorf("%q is read as %+v", line, r)
		}
	})
}
