package demo_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"postern/cmd/postern/demo"
)

func start(t *testing.T) *demo.World {
	t.Helper()
	w, err := demo.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// denial is what a stand-in for the proxy refuses with.
type denial struct {
	contentType, cacheControl, challenge, body string
}

// TestCheckReadsWholeDenials: the right status and reason are not enough.
func TestCheckReadsWholeDenials(t *testing.T) {
	const reason = "token_expired"
	good := denial{
		contentType: "application/problem+json", cacheControl: "no-store", challenge: "Bearer",
		body: `{"status":401,"reason":"token_expired","token_expired":true}`,
	}
	tests := []struct {
		name   string
		change func(*denial)
		want   string // in the table; empty where the denial is good
	}{
		{"as it should be", func(*denial) {}, ""},
		{"no problem details", func(d *denial) { d.contentType = "application/json" }, `but of type "application/json"`},
		{"no JSON", func(d *denial) { d.body = "token_expired" }, "but the body is no JSON"},
		{"another reason in the body", func(d *denial) { d.body = `{"status":401,"reason":"revoked","token_expired":true}` }, "but 401 revoked in the body"},
		{"another status in the body", func(d *denial) { d.body = `{"status":403,"reason":"token_expired","token_expired":true}` }, "but 403 token_expired in the body"},
		{"not token_expired", func(d *denial) { d.body = `{"status":401,"reason":"token_expired"}` }, "but token_expired is false in the body"},
		{"may be kept", func(d *denial) { d.cacheControl = "" }, "but not no-store"},
		{"no challenge", func(d *denial) { d.challenge = "" }, "but no WWW-Authenticate"},
	}
	w := start(t)
	for _, test := range tests {
		d := good
		test.change(&d)
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for name, value := range map[string]string{
				"Content-Type": d.contentType, "Cache-Control": d.cacheControl, "WWW-Authenticate": d.challenge, "Postern-Reason": reason,
			} {
				if value != "" {
					w.Header().Set(name, value)
				}
			}
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintln(w, d.body)
		}))
		var out strings.Builder
		err := w.Check(t.Context(), &out, proxy.Listener.Addr().String(), []demo.Case{{
			Title: "a case", Method: http.MethodGet, Target: "/", Want: demo.Outcome{Status: 401, Reason: reason},
		}})
		proxy.Close()
		if (err == nil) != (test.want == "") || !strings.Contains(out.String(), test.want) {
			t.Errorf("%s: %v\n%s", test.name, err, out.String())
		}
	}
}

// TestCheckWithoutGate stands a backend where the proxy should be: it serves
// everybody, which no case wants.
func TestCheckWithoutGate(t *testing.T) {
	w := start(t)
	open := httptest.NewServer(http.NotFoundHandler())
	defer open.Close()
	cases := w.Cases(time.Now())
	var out strings.Builder
	err := w.Check(t.Context(), &out, open.Listener.Addr().String(), cases)
	want := fmt.Sprintf("%[1]d of %[1]d requests were not answered as expected", len(cases))
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s\n%s", err, want, out.String())
	}
}

func TestCurl(t *testing.T) {
	c := demo.Case{
		Method: http.MethodPost, Target: "/a/../b?c=it's", Body: `{"a":"it's"}`,
		Headers: []demo.Header{{Name: "Authorization", Value: "Token a"}, {Name: "Authorization", Value: "Token b"}},
	}
	want := `curl -i --path-as-is 'http://localhost/a/../b?c=it'\''s' \
  -H 'Authorization: Token a' \
  -H 'Authorization: Token b' \
  -H 'Content-Type: application/json' \
  -d '{"a":"it'\''s"}'`
	if got := c.Curl("localhost"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	c = demo.Case{Method: http.MethodPost, Target: "/"}
	if got, want := c.Curl("localhost"), `curl -i -X POST 'http://localhost/'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
