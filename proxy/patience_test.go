package proxy

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose clients are in this process, under a clock that
// testing/synctest holds.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
}

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{} }

// newPipes lets a server accept what is dialled.
func newPipes(t *testing.T, server *http.Server) *pipes {
	l := &pipes{make(chan net.Conn), make(chan struct{})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return l
}

// dial connects to whoever accepts.
func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, accepted := net.Pipe()
	p.accepted <- accepted
	return client, nil
}

// answering serves with handle and returns a client.
func answering(t *testing.T, handle func(*patientWriter, *http.Request)) net.Conn {
	return serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := new(patientWriter)
		p.init(w, r)
		handle(p, r)
		p.end()
	}))
}

// serving serves with a handler and returns a client.
func serving(t *testing.T, handler http.Handler) net.Conn {
	server := &http.Server{Protocols: new(http.Protocols), Handler: handler}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	client, _ := newPipes(t, server).dial(t.Context(), "", "")
	t.Cleanup(func() { client.Close() })
	return client
}

const (
	getAnswer = "GET / HTTP/1.1\r\nHost: postern\r\n\r\n"
	expecting = "POST / HTTP/1.1\r\nHost: postern\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx"
)

var piece = bytes.Repeat([]byte("x"), 32<<10)

// A client that takes nothing of an answer is given up after a time.
func TestUnreadAnswer(t *testing.T) {
	for name, write := range map[string]func(*patientWriter, *http.Request) error{
		"100 Continue": func(p *patientWriter, r *http.Request) error {
			_, _ = io.Copy(io.Discard, r.Body)
			_, err := p.Write(piece)
			return err
		},
		"body": func(p *patientWriter, _ *http.Request) error {
			_, err := p.Write(piece)
			return err
		},
		"flush": func(p *patientWriter, _ *http.Request) error {
			_, _ = p.Write([]byte("x"))
			return http.NewResponseController(&answerWriter{ResponseWriter: p, exchange: &exchange{}}).Flush()
		},
		"informational answer": func(p *patientWriter, _ *http.Request) error {
			p.WriteHeader(http.StatusEarlyHints)
			_, err := p.Write(piece)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took := make(chan time.Duration, 1)
				client := answering(t, func(p *patientWriter, r *http.Request) {
					began := time.Now()
					if write(p, r) == nil {
						t.Error("it was written")
					}
					took <- time.Since(began)
				})
				_, _ = io.WriteString(client, expecting)
				if got := <-took; got != writeTimeout {
					t.Errorf("given up after %s", got)
				}
			})
		})
	}
}

// What the handler leaves in net/http's buffers is bounded, too.
func TestUnreadEndOfAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := answering(t, func(p *patientWriter, _ *http.Request) { _, _ = p.Write([]byte("x")) })
		_, _ = io.WriteString(client, getAnswer)
		time.Sleep(writeTimeout + time.Second)
		if _, err := client.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("read: %v, want the end", err)
		}
	})
}

// A client that reads slowly gets everything, and so does one whose upstream
// takes its time, on a connection that was idle for long.
func TestSlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := answering(t, func(p *patientWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // net/http writes 100 Continue
			for range 3 {
				time.Sleep(time.Hour)
				if _, err := p.Write(piece); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(time.Hour)
		})
		answers := bufio.NewReaderSize(client, 1)
		for range 2 {
			go io.WriteString(client, expecting)
			for _, want := range []int{http.StatusContinue, http.StatusOK} {
				response, err := http.ReadResponse(answers, nil)
				if err != nil || response.StatusCode != want {
					t.Fatalf("%v, %v", response, err)
				}
				body := 0
				for buffer := make([]byte, 16<<10); err == nil && want == http.StatusOK; {
					var n int
					time.Sleep(writeTimeout / 4)
					n, err = response.Body.Read(buffer)
					body += n
				}
				if want == http.StatusOK && (body != 3*len(piece) || err != io.EOF) {
					t.Errorf("%d bytes, %v", body, err)
				}
			}
			time.Sleep(time.Hour)
		}
	})
}

// sendByHTTP2 makes a request over a connection, and reads none of the answer.
func sendByHTTP2(t *testing.T, connection net.Conn, method string, body io.Reader) *http.Response {
	t.Helper()
	transport := &http.Transport{
		Protocols:   new(http.Protocols),
		DialContext: func(context.Context, string, string) (net.Conn, error) { return connection, nil },
	}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	r, err := http.NewRequest(method, "http://postern/", body)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// Nor is a stream of HTTP/2 ended between two writes.
func TestSlowUpstreamOfHTTP2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := answering(t, func(p *patientWriter, _ *http.Request) {
			for range 2 {
				time.Sleep(time.Hour)
				_, _ = p.Write(piece)
				_ = p.FlushError()
			}
		})
		response := sendByHTTP2(t, client, http.MethodGet, nil)
		if body, err := io.ReadAll(response.Body); len(body) != 2*len(piece) || err != nil || response.ProtoMajor != 2 {
			t.Errorf("%s: %d bytes, %v", response.Proto, len(body), err)
		}
	})
}

// A client of HTTP/2 that takes nothing of an answer loses its stream.
func TestUnreadAnswerOfHTTP2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took := make(chan time.Duration, 1)
		client := answering(t, func(p *patientWriter, _ *http.Request) {
			began := time.Now()
			for range 1000 { // more than the client's windows
				if _, err := p.Write(piece); err != nil {
					took <- time.Since(began)
					return
				}
			}
		})
		response := sendByHTTP2(t, client, http.MethodGet, nil)
		if got := <-took; got != writeTimeout {
			t.Errorf("given up after %s", got)
		}
		response.Body.Close()
	})
}

// A stream's reader may take its time.
func TestUnboundAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := answering(t, func(p *patientWriter, _ *http.Request) {
			p.unbound()
			if _, err := p.Write(piece); err != nil {
				t.Error(err)
			}
		})
		_, _ = io.WriteString(client, getAnswer)
		time.Sleep(time.Hour)
		response, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(response.Body); len(body) != len(piece) || err != nil {
			t.Errorf("%d bytes, %v", len(body), err)
		}
	})
}

// A stream that ends while a write is under way is bounded by its end, not freed
// again by the end of the write.
func TestUnreadEndOfAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took := make(chan time.Duration, 1)
		var client net.Conn
		client = answering(t, func(p *patientWriter, _ *http.Request) {
			p.unbound()
			go func() {
				time.Sleep(time.Hour)
				p.hurry()
				response, err := http.ReadResponse(bufio.NewReaderSize(client, 1), nil)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.CopyN(io.Discard, response.Body, int64(len(piece)))
			}()
			_, _ = p.Write(piece)
			began := time.Now()
			_ = p.FlushError()
			took <- time.Since(began)
		})
		_, _ = io.WriteString(client, getAnswer)
		if got := <-took; got != closePatience {
			t.Errorf("given up after %s", got)
		}
	})
}

func TestIsEventStream(t *testing.T) {
	for kind, want := range map[string]bool{
		"text/event-stream": true, "Text/Event-Stream; charset=utf-8": true, "text/plain": false, "": false, "text/event-streams": false,
		"text/event-stream; charset": true, "text/event-stream; ;": true, "text/event-stream;charset=a;charset=b": true, " text/event-stream ": true,
		"text/event-stream, text/event-stream": true, "text/plain, text/event-stream": true, "text/plain; a=text/event-stream": false,
	} {
		res := &http.Response{Header: http.Header{"Content-Type": {"", kind}}, Request: &http.Request{Method: http.MethodGet}}
		if got := isEventStream(res); got != want {
			t.Errorf("%q: %t", kind, got)
		}
	}
}
