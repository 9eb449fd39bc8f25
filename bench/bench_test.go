package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestParseWrk(t *testing.T) {
	const quiet = `Running 1s test @ http://127.0.0.1:3000
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     6.27ms    1.94ms  14.80ms   68.75%
  Latency Distribution
     50%    6.16ms
     99%   12.05ms
  10178 requests in 1.01s, 13.21MB read
Requests/sec:  10077.36
`
	const troubled = `  Latency Distribution
     99%    1.32s
  507 requests in 7.10s, 1.21MB read
  Socket errors: connect 1, read 20, write 300, timeout 4000
  Non-2xx or 3xx responses: 17
`
	for name, c := range map[string]struct {
		text string
		want load
	}{
		"quiet":    {quiet, load{requests: 10178}},
		"troubled": {troubled, load{requests: 507, refused: 17, errors: 4321}},
	} {
		if got, err := parseWrk(c.text); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	if _, err := parseWrk("unable to connect"); err == nil {
		t.Error("what is no result passes for one")
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		figures []float64
		want    spread
	}{
		{[]float64{5}, spread{5, 5, 5}},
		{[]float64{3, 1}, spread{1.5, 2, 2.5}},
		{[]float64{9, 1, 5, 3, 7}, spread{3, 5, 7}},
	} {
		if got := spreadOf(c.figures); got != c.want {
			t.Errorf("%v: %v, want %v", c.figures, got, c.want)
		}
	}
}

// Only proxies that answer alike, and check what they are said to check, can be
// compared.
func TestProxiesCheck(t *testing.T) {
	for _, tool := range []string{"taskset", "nginx", "haproxy", "caddy"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("POSTERN_REQUIRE_TOOLS") != "" {
				t.Fatal(err)
			}
			t.Log(err)
		}
	}
	if _, err := exec.LookPath("taskset"); err != nil {
		t.Skip(err)
	}
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	w, err := newWorld("..", folder)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	alone(t)
	list, err := w.bouts()
	if err != nil {
		t.Fatal(err)
	}
	requestID := regexp.MustCompile(`[A-Z2-7]{26}`)
	var refusals []string
	for _, b := range list {
		for _, name := range b.proxies {
			if w.known[name] == nil || strings.HasSuffix(name, " 10000") && name != "postern 10000" {
				continue
			}
			p, err := w.proxy(name)
			if err != nil {
				t.Fatal(err)
			}
			want := http.StatusOK
			if b.refused {
				want = http.StatusUnauthorized
			}
			for _, r := range []request{b.requests[0], b.requests[len(b.requests)-1]} {
				if got := status(t, p.address, r); got != want {
					t.Errorf("%s through %s: %d, want %d", b.name, name, got, want)
				}
				if b.refused && (name == "postern" || name == "httputil") {
					res, body := ask(t, p.address, r)
					res.Header.Del("Date")
					refusals = append(refusals, fmt.Sprintf("%v %s", res.Header, requestID.ReplaceAllString(body, "")))
				}
				if r.authorization == "" || r.method == http.MethodPost && name == "httputil" {
					continue // the reference lets bodies pass
				}
				// A character that counts: of the last one some bits are padding.
				at := len(r.authorization) - 5
				r.authorization = r.authorization[:at] + flipped(r.authorization[at]) + r.authorization[at+1:]
				if got := status(t, p.address, r); got != http.StatusUnauthorized {
					t.Errorf("%s through %s: %d for a forged credential", b.name, name, got)
				}
			}
		}
	}
	if refusals = slices.Compact(slices.Sorted(slices.Values(refusals))); len(refusals) != 1 {
		t.Errorf("Postern and its reference refuse in different words: %q", refusals)
	}
}

// alone checks that no thread of the bench may run on the core of the proxies.
func alone(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has ended
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("\nCpus_allowed_list:\t%d\n", loadCore); !strings.Contains(string(text), want) {
			t.Errorf("%s does not say %q", file, want)
		}
	}
}

func flipped(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func status(t *testing.T, address string, r request) int {
	t.Helper()
	res, _ := ask(t, address, r)
	return res.StatusCode
}

// ask returns an answer and its body.
func ask(t *testing.T, address string, r request) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, r.text()); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}
