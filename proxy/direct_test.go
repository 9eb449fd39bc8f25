package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

// Whatever an upstream answers, who asks directly is told the same as by
// http.Transport, and nothing of it is told to who asks next.
func TestDirectAnswers(t *testing.T) {
	const ok, chunked = "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	long := strings.Repeat("x", 10000)
	for name, test := range map[string]struct {
		method string // GET where it is empty
		answer string
		fresh  bool // the next request gets a connection of its own
	}{
		"length":                      {answer: ok + "Content-Length: 2\r\nX-A: b\r\n\r\nhi"},
		"long":                        {answer: ok + "Content-Length: 10000\r\n\r\n" + long},
		"empty":                       {answer: ok + "Content-Length: 0\r\n\r\n"},
		"chunks":                      {answer: chunked + "\r\n2\r\nhi\r\n0\r\n\r\n"},
		"no chunks":                   {answer: chunked + "\r\n0\r\n\r\n"},
		"trailer announced":           {answer: chunked + "Trailer: X-T\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n"},
		"trailer not announced":       {answer: chunked + "\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n"},
		"trailer too long":            {answer: chunked + "\r\n2\r\nhi\r\n0\r\nX-T: " + long + "\r\n\r\n", fresh: true},
		"trailer that breaks off":     {answer: chunked + "\r\n2\r\nhi\r\n0\r\nX-T: 1" + hangUp, fresh: true},
		"trailer of framing":          {answer: chunked + "Trailer: Content-Length\r\n\r\n0\r\n\r\n", fresh: true},
		"HEAD":                        {method: "HEAD", answer: ok + "Content-Length: 2\r\n\r\n"},
		"HEAD in chunks":              {method: "HEAD", answer: chunked + "\r\n"},
		"HEAD with a body":            {method: "HEAD", answer: ok + "Content-Length: 2\r\n\r\nhi", fresh: true},
		"HEAD with an answer":         {method: "HEAD", answer: ok + "Content-Length: 65\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", fresh: true},
		"HEAD with chunks":            {method: "HEAD", answer: chunked + "\r\n2\r\nhi\r\n0\r\n\r\n", fresh: true},
		"204":                         {answer: "HTTP/1.1 204 No Content\r\n\r\n"},
		"204 with a body":             {answer: "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi", fresh: true},
		"204 with chunks":             {answer: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", fresh: true},
		"304 with a length":           {answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n"},
		"304 with a body":             {answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nhi", fresh: true},
		"two answers":                 {answer: ok + "Content-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", fresh: true},
		"a long answer and another":   {answer: ok + "Content-Length: 10000\r\n\r\n" + long + "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", fresh: true},
		"chunks and another":          {answer: chunked + "\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", fresh: true},
		"a line behind":               {answer: ok + "Content-Length: 2\r\n\r\nhi\r\n", fresh: true},
		"empty and a byte":            {answer: ok + "Content-Length: 0\r\n\r\nx", fresh: true},
		"length and chunks":           {answer: chunked + "Content-Length: 30\r\n\r\n2\r\nhi\r\n0\r\n\r\n"},
		"two lengths":                 {answer: ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", fresh: true},
		"the same length twice":       {answer: ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi"},
		"lengths in a list":           {answer: ok + "Content-Length: 2, 2\r\n\r\nhi", fresh: true},
		"negative length":             {answer: ok + "Content-Length: -2\r\n\r\nhi", fresh: true},
		"signed length":               {answer: ok + "Content-Length: +2\r\n\r\nhi", fresh: true},
		"gzip encoding":               {answer: ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", fresh: true},
		"encoded twice":               {answer: chunked + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", fresh: true},
		"broken chunk":                {answer: chunked + "\r\nzz\r\nhi\r\n0\r\n\r\n", fresh: true},
		"long chunk":                  {answer: chunked + "\r\n2\r\nhixx0\r\n\r\n", fresh: true},
		"huge chunk":                  {answer: chunked + "\r\nfffffffffffffffff\r\nhi", fresh: true},
		"chunks that break off":       {answer: chunked + "\r\n5\r\nhi" + hangUp, fresh: true},
		"chunks without end":          {answer: chunked + "\r\n2\r\nhi\r\n" + hangUp, fresh: true},
		"length that breaks off":      {answer: ok + "Content-Length: 5\r\n\r\nhi" + hangUp, fresh: true},
		"up to the end":               {answer: ok + "\r\nhi" + hangUp, fresh: true},
		"close":                       {answer: ok + "Connection: close\r\nContent-Length: 2\r\n\r\nhi", fresh: true},
		"Close in a list":             {answer: ok + "Connection: x, CLOSE\r\nContent-Length: 2\r\n\r\nhi", fresh: true},
		"close in the second field":   {answer: ok + "Connection: keep-alive\r\nconnection: close\r\nContent-Length: 0\r\n\r\n", fresh: true},
		"close without a body":        {answer: "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", fresh: true},
		"HTTP/1.0":                    {answer: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", fresh: true},
		"HTTP/1.0 kept alive":         {answer: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi"},
		"HTTP/1.0 kept without end":   {answer: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhi" + hangUp, fresh: true},
		"HTTP/1.0 in chunks":          {answer: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hangUp, fresh: true},
		"HTTP/2.0":                    {answer: "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"},
		"HTTP/0.9":                    {answer: "hi" + hangUp, fresh: true},
		"a greeting":                  {answer: "220 smtp ready\r\n", fresh: true},
		"no status":                   {answer: "HTTP/1.1\r\n\r\n", fresh: true},
		"long status":                 {answer: "HTTP/1.1 2000 OK\r\n\r\n", fresh: true},
		"negative status":             {answer: "HTTP/1.1 -20 OK\r\n\r\n", fresh: true},
		"status 999":                  {answer: "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n"},
		"field without a colon":       {answer: ok + "nonsense\r\n\r\n", fresh: true},
		"field with a space":          {answer: ok + "Content-Length : 2\r\n\r\nhi" + hangUp, fresh: true},
		"folded field":                {answer: ok + "X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n"},
		"103":                         {answer: "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nhi"},
		"100 that nobody expects":     {answer: "HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nhi"},
		"twenty informational":        {answer: strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 20) + ok + "Content-Length: 2\r\n\r\nhi"},
		"large informational":         {answer: strings.Repeat("HTTP/1.1 102 Processing\r\nX: "+strings.Repeat("x", maxAnswerHeader/2)+"\r\n\r\n", 3) + ok + "Content-Length: 0\r\n\r\n"},
		"informational alone":         {answer: "HTTP/1.1 103 Early Hints\r\n\r\n" + hangUp, fresh: true},
		"informational with a length": {answer: "HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\nhi" + ok + "Content-Length: 0\r\n\r\n", fresh: true},
		"101":                         {answer: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhi", fresh: true},
		"101 of nothing":              {answer: "HTTP/1.1 101 Switching Protocols\r\n\r\n", fresh: true},
		"header too large":            {answer: ok + "X: " + strings.Repeat("x", maxAnswerHeader) + "\r\n\r\n", fresh: true},
		"header that breaks off":      {answer: ok + "Content-Le" + hangUp, fresh: true},
		"nothing":                     {answer: hangUp, fresh: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			method := test.method
			if method == "" {
				method = http.MethodGet
			}
			observe := func(transport func(*Upstream) http.RoundTripper) outcome {
				raw := newRawUpstream(t, func(r *http.Request, _ int) string {
					if r.URL.Path == "/second" {
						return secondAnswer
					}
					return test.answer
				})
				u := newTestUpstream("http://" + raw.address)
				defer u.Retire()
				got := ask(t, transport(u), method, "http://"+raw.address+"/first")
				if _, isOracle := transport(u).(*http.Transport); test.fresh && isOracle && !strings.HasSuffix(test.answer, hangUp) {
					<-raw.closed // for a moment it would give the connection to the next request
				}
				got.Second = ask(t, transport(u), http.MethodGet, "http://"+raw.address+"/second").Body
				got.Connections = raw.seen()
				return got
			}
			want := observe(func(u *Upstream) http.RoundTripper { return u.transport })
			got := observe(func(u *Upstream) http.RoundTripper { return u.direct })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("http.Transport (-) and directly (+):\n%s", diff)
			}
			connection := "1"
			if test.fresh {
				connection = "2"
			}
			if diff := cmp.Diff([]string{method + " /first 1", "GET /second " + connection}, got.Connections); diff != "" || got.Second != "second" {
				t.Errorf("then %q:\n%s", got.Second, diff)
			}
		})
	}
}

// A status under 100 is no answer: what comes with it is not passed on.
func TestDirectStatusThatIsNone(t *testing.T) {
	raw := newRawUpstream(t, func(r *http.Request, _ int) string {
		if r.URL.Path == "/second" {
			return secondAnswer
		}
		return "HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\nhi"
	})
	u := newTestUpstream("http://" + raw.address)
	defer u.Retire()
	got := ask(t, u.direct, http.MethodGet, "http://"+raw.address+"/first")
	if got.Status != 99 || got.Body != "" || !got.Close {
		t.Errorf("%+v", got)
	}
	if got := ask(t, u.direct, http.MethodGet, "http://"+raw.address+"/second").Body; got != "second" {
		t.Errorf("then %q", got)
	}
}

// The header of an answer has one bound of time for all of it, and its body none.
func TestDirectTime(t *testing.T) {
	for name, test := range map[string]struct {
		drip  string
		pause time.Duration // before each byte
		want  policy.Reason
	}{
		"dripping":      {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1000), time.Minute, policy.UpstreamTimeout},
		"informational": {strings.Repeat("HTTP/1.1 102 PP\r\n\r\n", 400), time.Second, policy.UpstreamTimeout},
		"silent":        {"H", 2 * time.Hour, policy.UpstreamTimeout},
		"slow body":     {"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + strings.Repeat("x", 200), time.Minute, policy.ReasonNone},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newTestUpstream("http://backend") // its header has an hour
				u.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					client, server := net.Pipe()
					go func() {
						defer server.Close()
						_, _ = http.ReadRequest(bufio.NewReader(server))
						for i := range test.drip {
							time.Sleep(test.pause)
							if _, err := io.WriteString(server, test.drip[i:i+1]); err != nil {
								return
							}
						}
					}()
					return client, nil
				}
				began := time.Now()
				got := ask(t, u.direct, http.MethodGet, "http://backend/")
				if got.Failed != test.want || got.BodyFailed != policy.ReasonNone {
					t.Errorf("%+v", got)
				}
				if took := time.Since(began); test.want != policy.ReasonNone && took != time.Hour {
					t.Errorf("given up after %s", took)
				}
				time.Sleep(2 * time.Hour) // until the other side has gone
			})
		})
	}
}
