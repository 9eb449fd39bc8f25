package proxy

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// connection is a client whose body comes through a pipe, under a deadline.
type connection struct {
	*httptest.ResponseRecorder
	*io.PipeReader

	mu        sync.Mutex
	deadlines []time.Time
}

// SetReadDeadline is what http.ResponseController calls.
func (c *connection) SetReadDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadlines = append(c.deadlines, at)
	if at.Equal(longAgo) {
		c.CloseWithError(os.ErrDeadlineExceeded)
	}
	return nil
}

// last returns the deadline that holds, as a word.
func (c *connection) last() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch at := c.deadlines[len(c.deadlines)-1]; {
	case at.IsZero():
		return "none"
	case at.Equal(longAgo):
		return "over"
	case at.After(time.Now().Add(progressTimeout)):
		return "too late"
	}
	return "bounded"
}

// silent is a client that sends nothing until its time is over.
type silent struct {
	httptest.ResponseRecorder
	entered, over chan struct{}
}

// Read implements io.Reader.
func (s *silent) Read([]byte) (int, error) {
	close(s.entered)
	<-s.over
	return 0, os.ErrDeadlineExceeded
}

// SetReadDeadline is what http.ResponseController calls.
func (s *silent) SetReadDeadline(at time.Time) error {
	if at.Equal(longAgo) {
		close(s.over)
	}
	return nil
}

func newBody(within time.Duration) (*inboundBody, *connection, *io.PipeWriter) {
	reader, writer := io.Pipe()
	c := &connection{ResponseRecorder: httptest.NewRecorder(), PipeReader: reader}
	return newInboundBody(c, c, within), c, writer
}

func TestInboundBodyToItsEnd(t *testing.T) {
	b, c, client := newBody(time.Hour)
	go func() {
		_, _ = io.WriteString(client, "hello")
		client.Close()
	}()
	text, err := io.ReadAll(b)
	if string(text) != "hello" || err != nil || b.failure() != nil {
		t.Errorf("%q, %v, %v", text, err, b.failure())
	}
	if got := c.last(); got != "none" {
		t.Errorf("deadline after the end: %s", got)
	}
	before := len(c.deadlines)
	if err := b.Close(); err != nil || len(c.deadlines) != before {
		t.Errorf("closing: %v, deadlines %v", err, c.deadlines[before:])
	}
}

// A transport looks for more once it has all. By then the upstream may have answered,
// and net/http have closed the body to write that.
func TestInboundBodyAfterItsEnd(t *testing.T) {
	b, c, client := newBody(time.Hour)
	go client.Close()
	if _, err := b.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	_ = c.Close()
	before := len(c.deadlines)
	if n, err := b.Read(make([]byte, 1)); n != 0 || err != io.EOF || b.failure() != nil || len(c.deadlines) != before {
		t.Errorf("%d, %v, failure %v, deadlines %v", n, err, b.failure(), c.deadlines[before:])
	}
}

func TestInboundBodyDeadlines(t *testing.T) {
	for name, test := range map[string]struct{ within, want time.Duration }{
		"without progress": {time.Hour, progressTimeout},
		"as a whole":       {time.Second, time.Second},
	} {
		b, c, client := newBody(test.within)
		began := time.Now()
		go func() { _, _ = io.WriteString(client, "a") }()
		if _, err := b.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		ended := time.Now()
		if got := c.deadlines[0]; got.Before(began.Add(test.want-time.Second)) || got.After(ended.Add(test.want)) {
			t.Errorf("%s: deadline in %s, want in %s", name, got.Sub(began), test.want)
		}
	}
}

func TestInboundBodyRemembersItsFault(t *testing.T) {
	b, c, client := newBody(time.Hour)
	fault := errors.New("invalid byte in chunk length")
	client.CloseWithError(fault)
	if _, err := b.Read(make([]byte, 1)); err != fault || b.failure() != fault {
		t.Errorf("%v, %v", err, b.failure())
	}
	// What net/http would still read of it must not wait.
	if got := c.last(); got != "over" {
		t.Errorf("deadline after a fault: %s", got)
	}
}

func TestInboundBodyClose(t *testing.T) {
	t.Run("unread", func(t *testing.T) {
		b, c, _ := newBody(time.Hour)
		_ = b.Close()
		if got := c.last(); got != "bounded" {
			t.Errorf("deadline of what net/http reads on: %s", got)
		}
		if n, err := b.Read(make([]byte, 1)); n != 0 || err != http.ErrBodyReadAfterClose || len(c.deadlines) != 1 {
			t.Errorf("reading: %d, %v, deadlines %v", n, err, c.deadlines)
		}
		if b.failure() != nil {
			t.Errorf("the client is to blame: %v", b.failure())
		}
	})
	t.Run("while it is read", func(t *testing.T) {
		c := &silent{entered: make(chan struct{}), over: make(chan struct{})}
		b := newInboundBody(c, c, time.Hour)
		ended := make(chan error)
		go func() {
			_, err := b.Read(make([]byte, 1))
			ended <- err
		}()
		<-c.entered
		_ = b.Close()
		if err := <-ended; err != os.ErrDeadlineExceeded {
			t.Errorf("the read ended with %v", err)
		}
		if b.failure() != nil {
			t.Errorf("the client is to blame: %v", b.failure())
		}
	})
	t.Run("none", func(t *testing.T) {
		var b *inboundBody
		if err := b.Close(); err != nil || b.failure() != nil {
			t.Errorf("%v, %v", err, b.failure())
		}
	})
}

// A transport may read, and ask for the fault, while the handler closes.
func TestInboundBodyRaces(t *testing.T) {
	for range 200 {
		b, _, client := newBody(time.Hour)
		var all sync.WaitGroup
		all.Go(func() { _, _ = io.Copy(io.Discard, b) })
		all.Go(func() { _, _ = io.Copy(client, strings.NewReader("hello")) })
		all.Go(func() { _ = b.failure() })
		all.Go(func() { _ = b.Close() })
		all.Go(func() { _ = b.Close() })
		client.Close()
		all.Wait()
	}
}

func TestSetDeadlineWithoutConnection(t *testing.T) {
	b := newInboundBody(httptest.NewRecorder(), strings.NewReader("hello"), time.Hour)
	text, err := io.ReadAll(b)
	if string(text) != "hello" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}
