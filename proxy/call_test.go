package proxy

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"postern/metrics"
)

// calling is a client of HTTP/2 that sends by one pipe to a backend behind Postern.
func calling(t *testing.T, backend http.HandlerFunc) (*io.PipeWriter, *http.Response) {
	u := newTestUpstream("h2c://backend")
	u.transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return serving(t, backend), nil }
	t.Cleanup(u.Retire)
	registry := metrics.New("", "")
	h := NewHandler(newGeneration(t, registry, u), registry, slog.New(slog.NewTextHandler(io.Discard, nil)))
	body, client := io.Pipe()
	t.Cleanup(func() { client.Close() })
	go client.Write([]byte("one"))
	return client, sendByHTTP2(t, serving(t, h), http.MethodPost, body)
}

// echo answers with what comes, as it comes.
func echo(w http.ResponseWriter, r *http.Request) {
	w.(http.Flusher).Flush()
	heard := make([]byte, 100)
	for {
		n, err := r.Body.Read(heard)
		_, _ = w.Write(heard[:n])
		w.(http.Flusher).Flush()
		if err != nil {
			return
		}
	}
}

// Once the upstream answers, both sides of a call may be silent.
func TestSilentCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, answer := calling(t, echo)
		heard := make([]byte, 3)
		for _, text := range []string{"one", "two"} {
			if _, err := io.ReadFull(answer.Body, heard); err != nil || string(heard) != text {
				t.Fatalf("heard %q, %v", heard, err)
			}
			time.Sleep(time.Hour)
			if text == "one" {
				_, _ = client.Write([]byte("two"))
			}
		}
		client.Close()
		if rest, err := io.ReadAll(answer.Body); err != nil || len(rest) > 0 {
			t.Errorf("then %q, %v", rest, err)
		}
	})
}

// Before it does, the client may not.
func TestSilentCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, answer := calling(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
		if answer.StatusCode != http.StatusBadRequest || time.Since(began) != progressTimeout {
			t.Errorf("%s after %s", answer.Status, time.Since(began))
		}
	})
}

// Only the waiting for the client counts: a body of HTTP/2 outlasts the time in which
// nobody reads it.
func TestUnreadBodyOfHTTP2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read := make(chan error, 1)
		client := serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b := newInboundBody(w, r.Body, 30*time.Second)
			b.multiplexed = true
			_, _ = b.Read(make([]byte, 3))
			time.Sleep(time.Hour)
			_, err := io.ReadAll(b)
			read <- err
		}))
		body, sender := io.Pipe()
		go func() {
			_, _ = sender.Write([]byte("one"))
			time.Sleep(time.Hour)
			_, _ = sender.Write([]byte("two"))
			sender.Close()
		}()
		sendByHTTP2(t, client, http.MethodPost, body).Body.Close()
		if err := <-read; err != nil {
			t.Error(err)
		}
	})
}
