package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// keptConn is a connection to an upstream that is used for one request at a time.
type keptConn struct {
	net.Conn
	reader *bufio.Reader
	writer *bufio.Writer
	quiet  func() bool // reports whether nothing has come, and the other side still listens
	since  time.Time   // when it was put aside

	room    int64 // how many more bytes may come
	written int64 // of the request
	heard   bool  // the answer has begun
}

func newKeptConn(raw net.Conn) *keptConn {
	c := &keptConn{Conn: raw, quiet: quietness(raw)}
	c.reader, c.writer = bufio.NewReader(c), bufio.NewWriter(c)
	return c
}

var errAnswerHeader = errors.New("the header of the answer is too large")

// Read implements net.Conn.
func (c *keptConn) Read(p []byte) (int, error) {
	if c.room <= 0 {
		return 0, errAnswerHeader
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.room)])
	c.room -= int64(n)
	return n, err
}

// Write implements net.Conn.
func (c *keptConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written += int64(n)
	return n, err
}

// send writes a request, and a body in one piece with its header: in two, an upstream
// could answer and be gone between them.
func (c *keptConn) send(r *http.Request) error {
	if r.Body == nil {
		if err := r.Write(c.writer); err != nil {
			return err
		}
		return c.writer.Flush()
	}
	lent := buffers.Get()
	defer buffers.Put(lent)
	whole := bytes.NewBuffer(lent[:0])
	if err := r.Write(whole); err != nil {
		return err
	}
	_, err := c.Write(whole.Bytes())
	return err
}

func (c *keptConn) close() { _ = c.Conn.Close() } // of what is read and written, all is told

// idleConns keeps connections that no request uses: the last one that was used is
// the first to be used again. It is safe for concurrent use, and the zero value is
// ready for it.
type idleConns struct {
	mu      sync.Mutex
	list    []*keptConn // by the time since when
	reaper  *time.Timer // runs while the list holds something
	retired bool
}

// take returns a connection on which a request can be sent, nil where there is none.
// What an upstream has closed is dropped, and so is one on which it has said
// something that nobody asked for: it would be taken for the next answer.
func (l *idleConns) take() *keptConn {
	for {
		c := l.pop()
		if c == nil || c.quiet() {
			return c
		}
		c.close()
	}
}

func (l *idleConns) pop() *keptConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.list)
	if n == 0 {
		return nil
	}
	c := l.list[n-1]
	l.list[n-1], l.list = nil, l.list[:n-1]
	return c
}

// put keeps a connection for some time.
func (l *idleConns) put(c *keptConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.retired || c.quiet == nil || len(l.list) == maxIdleConnsPerHost {
		c.close()
		return
	}
	c.since = time.Now()
	l.list = append(l.list, c)
	if l.reaper == nil {
		l.reaper = time.AfterFunc(idleLook, l.reap)
	}
}

// idleLook is how often connections are looked at that nobody uses. What an upstream
// has closed would else keep its descriptor.
const idleLook = 5 * time.Second

// reap closes what nobody has used for too long, and what is of no more use.
func (l *idleConns) reap() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reaper = nil
	now := time.Now()
	l.list = slices.DeleteFunc(l.list, func(c *keptConn) bool {
		over := now.Sub(c.since) >= idleConnTimeout || !c.quiet()
		if over {
			c.close()
		}
		return over
	})
	if len(l.list) > 0 && !l.retired {
		l.reaper = time.AfterFunc(idleLook, l.reap)
	}
}

// retire closes all, and what is put aside later.
func (l *idleConns) retire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retired = true
	for _, c := range l.list {
		c.close()
	}
	l.list = nil
	if l.reaper != nil {
		l.reaper.Stop()
	}
}
