package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// reading is what a backend sees in a request. Its lists hold one element for
// each way in which the backend may look, nil where that finds nothing.
type reading struct {
	Method string
	// Areas are the routes that the backend takes.
	Areas []any
	// Checked is the route that Postern took, in X-Checked.
	Checked string
	// Identity is X-Customer-Id.
	Identity []any
	// Customers is by the place where a customer can be named.
	Customers map[string][]any
	// Credentials are those of any kind that Postern knows.
	Credentials []any
}

// backends are programs that answer each request with their [reading] of it.
var backends = map[string]func(*testing.T) (url string){
	"Go": func(t *testing.T) string {
		server := httptest.NewServer(goBackend())
		t.Cleanup(server.Close)
		return server.URL
	},
	"Express": func(t *testing.T) string {
		nodeModules(t, "testdata/backends")
		return startBackend(t, "node", "express.mjs")
	},
	"WSGI": func(t *testing.T) string {
		return startBackend(t, "python3", "wsgi.py")
	},
	"PHP": func(t *testing.T) string {
		needTool(t, "php")
		return startBackend(t, "sh", "-c", "php -d display_errors=0 -S 127.0.0.1:0 record.php 2>&1 & cat; kill $!")
	},
}

var loopbackURL = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// startBackend runs a program of testdata/backends, which says its URL and ends
// with its standard input.
func startBackend(t *testing.T, name string, arguments ...string) (url string) {
	t.Helper()
	needTool(t, name)
	command := exec.Command(name, arguments...)
	command.Dir = "testdata/backends"
	output, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	command.Stdout, command.Stderr = output, output
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		last := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
		defer last.Stop()
		if err := command.Wait(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
	eventually(t, "the address of "+name, func() bool {
		said, _ := os.ReadFile(output.Name())
		url = loopbackURL.FindString(string(said))
		return url != ""
	})
	return url
}

// goBackend reads requests as handlers of net/http do.
func goBackend() http.Handler {
	mux := http.NewServeMux()
	record := func(area any) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_ = json.NewEncoder(w).Encode(readAsGo(r, area))
		}
	}
	mux.HandleFunc("/path/{customer}", record("path"))
	for _, area := range []string{"query", "header", "cookie", "json", "form"} {
		mux.HandleFunc("/"+area, record(area))
	}
	for _, area := range []string{"public", "forward", "admin"} {
		mux.HandleFunc("/"+area+"/", record(area))
	}
	mux.HandleFunc("/", record(nil))
	return mux
}

func readAsGo(r *http.Request, area any) reading {
	body, _ := io.ReadAll(r.Body)
	var loose struct {
		CustomerID any `json:"customer_id"` // and any other case of it
	}
	_ = json.Unmarshal(body, &loose)
	var exact map[string]any
	_ = json.Unmarshal(body, &exact)
	r.Body = io.NopCloser(bytes.NewReader(body))
	_ = r.ParseMultipartForm(1 << 20) // and any other form
	cookies := func(name string) (values []any) {
		for _, cookie := range r.CookiesNamed(name) {
			values = append(values, cookie.Value)
		}
		return values
	}
	return reading{
		Method: r.Method, Areas: []any{area}, Checked: r.Header.Get("X-Checked"),
		Identity: anys(r.Header.Values("X-Customer-Id")),
		Customers: map[string][]any{
			"path":   anys([]string{r.PathValue("customer")}),
			"query":  anys(r.URL.Query()["customer_id"]),
			"header": anys(r.Header.Values("X-Customer-Hint")),
			"cookie": cookies("customer_id"),
			"body":   append(anys(r.PostForm["customer_id"]), loose.CustomerID, exact["customer_id"]),
		},
		Credentials: append(anys(r.Header.Values("Authorization"), r.Header.Values("Proxy-Authorization"), r.Header.Values("X-Api-Key"),
			r.URL.Query()["token"]), cookies("session")...),
	}
}

func anys(lists ...[]string) (values []any) {
	for _, list := range lists {
		for _, text := range list {
			values = append(values, text)
		}
	}
	return values
}
