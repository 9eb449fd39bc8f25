package keys_test

import (
	"compress/gzip"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/keys"
)

// fetchOnce starts a source on a URL until its first fetch has ended. It
// returns whether that brought keys, and the log.
func fetchOnce(t *testing.T, address string, change func(*keys.RemoteSettings)) (ready bool, log string) {
	t.Helper()
	settings := remoteSettings
	settings.Location = keys.Location{Form: keys.JWKSet, URL: address}
	change(&settings)
	var out lockedBuffer
	r := keys.NewRemote("idp", settings, &observer{}, slog.New(slog.NewJSONHandler(&out, nil)))
	r.Start()
	defer r.Stop()
	if err := r.WaitFirst(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r.Ready(), out.String()
}

func TestFetch(t *testing.T) {
	document := jwkSet(ecJWK("a"))
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, document) }))
	t.Cleanup(elsewhere.Close) // after the parallel cases
	redirect := func(to string, status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(status)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/good", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, document) })
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		fmt.Fprint(z, document)
	})
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		spaces := []byte(strings.Repeat(" ", 1<<16))
		for range 100 << 20 / len(spaces) {
			if _, err := z.Write(spaces); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/huge", func(w http.ResponseWriter, r *http.Request) {
		spaces := []byte(strings.Repeat(" ", 1<<16))
		for range 100 << 20 / len(spaces) {
			if _, err := w.Write(spaces); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/drip", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			fmt.Fprint(w, " ")
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
	})
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/html", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") })
	mux.HandleFunc("/empty", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, jwkSet()) })
	mux.HandleFunc("/none", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/created", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, document)
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, document[:20])
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		mux.Handle(fmt.Sprintf("/redirect/%d", status), redirect("/good", status))
	}
	mux.Handle("/elsewhere", redirect(elsewhere.URL+"/?token=s3cret", 302))
	mux.Handle("/scheme", redirect("https://127.0.0.1/?token=s3cret", 302))
	mux.Handle("/loop", redirect("/loop?token=s3cret", 302))
	mux.Handle("/nowhere", redirect("http://%zz/?token=s3cret", 302))
	mux.Handle("/lost", redirect("", 302))
	for i := range 6 {
		mux.Handle(fmt.Sprintf("/chain/%d", i+1), redirect(fmt.Sprintf("/chain/%d", i), 302))
	}
	mux.Handle("/chain/0", redirect("/good", 302))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	closed := httptest.NewServer(nil)
	closed.Close()

	for path, want := range map[string]string{
		"/good":         "",
		"/gzip":         "",
		"/redirect/301": "",
		"/redirect/302": "",
		"/redirect/303": "",
		"/redirect/307": "",
		"/redirect/308": "",
		"/chain/4":      "",
		"/chain/5":      "redirected more than 5 times",
		"/loop":         "redirected more than 5 times",
		"/elsewhere":    "redirected to another origin",
		"/scheme":       "redirected to another origin",
		"/nowhere":      "redirected to what is not a URL",
		"/lost":         "redirected to what is not a URL",
		"/missing":      "answered with status 404",
		"/none":         "answered with status 204",
		"/created":      "answered with status 201",
		"/huge":         "answered with more than 1048576 bytes",
		"/bomb":         "answered with more than 1048576 bytes",
		"/cut":          "unexpected EOF",
		"/html":         "not JSON: invalid character '<' at start of value at byte 0",
		"/empty":        "a set without keys",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			ready, log := fetchOnce(t, server.URL+path+"?token=s3cret", func(s *keys.RemoteSettings) {
				s.Timeout = time.Minute // whatever the machine is busy with
			})
			checkFetch(t, ready, log, want)
		})
	}
	for path, want := range map[string]string{
		"/drip":   "no complete answer within 50ms",
		"/silent": "no complete answer within 50ms",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			ready, log := fetchOnce(t, server.URL+path+"?token=s3cret", func(s *keys.RemoteSettings) {
				s.Timeout = 50 * time.Millisecond
			})
			checkFetch(t, ready, log, want)
		})
	}
	t.Run("refused", func(t *testing.T) {
		ready, log := fetchOnce(t, closed.URL+"/?token=s3cret", func(*keys.RemoteSettings) {})
		checkFetch(t, ready, log, "dial tcp "+strings.TrimPrefix(closed.URL, "http://")+": connect: connection refused")
	})
}

func checkFetch(t *testing.T, ready bool, log, want string) {
	t.Helper()
	if ready != (want == "") {
		t.Errorf("ready: %v", ready)
	}
	if want != "" && !strings.Contains(log, `"cause":"`+want+`"`) {
		t.Errorf("want the cause %q in the log:\n%s", want, log)
	}
	if strings.Contains(log, "s3cret") {
		t.Errorf("the query is logged:\n%s", log)
	}
}

func TestFetchRequest(t *testing.T) {
	requests := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		fmt.Fprint(w, jwkSet(ecJWK("a")))
	}))
	defer server.Close()
	if ready, log := fetchOnce(t, server.URL+"/jwks?x=y", func(*keys.RemoteSettings) {}); !ready {
		t.Fatal(log)
	}
	got := <-requests
	want := http.Header{
		"Accept":          {"application/jwk-set+json, application/json"},
		"Accept-Encoding": {"gzip"},
		"Connection":      {"close"},
		"User-Agent":      {"postern"},
	}
	if diff := cmp.Diff(want, got.Header); diff != "" || got.RequestURI != "/jwks?x=y" {
		t.Errorf("%s, header (-want +got):\n%s", got.RequestURI, diff)
	}
}

// Only the configuration names a proxy. The address is this machine's, and none
// that an environment's proxy would be passed over for.
func TestEnvironmentsProxyIsNotUsed(t *testing.T) {
	proxied := make(chan string, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { proxied <- r.RequestURI }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	ready, log := fetchOnce(t, "http://0.0.0.0:1/jwks", func(s *keys.RemoteSettings) { s.AllowInsecureHTTP = true })
	if ready || len(proxied) > 0 || !strings.Contains(log, "connection refused") {
		t.Errorf("ready %v, %d proxied\n%s", ready, len(proxied), log)
	}
}

func TestNoGoroutineIsLeft(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, jwkSet(ecJWK("a"))) }))
	defer server.Close()
	before := runtime.NumGoroutine()
	for range 100 {
		if ready, log := fetchOnce(t, server.URL, func(*keys.RemoteSettings) {}); !ready {
			t.Fatal(log)
		}
	}
	// Those of net/http end on their own time.
	for i := 0; runtime.NumGoroutine() > before; i++ {
		if i == 1000 {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func FuzzMaxAge(f *testing.F) {
	for _, header := range []string{"max-age=60", "public, MAX-AGE=\"7\"", "max-age", "max-age=-1", ",,=", ""} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if age, ok := keys.MaxAge(header); age < 0 || age > 1<<31*time.Second || ok && !strings.Contains(strings.ToLower(header), "max-age") {
			t.Errorf("MaxAge(%q) = %v, %v", header, age, ok)
		}
	})
}
