package demo

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// site is a web server on a free port of loopback.
type site struct {
	address string // host:port
	server  http.Server
	done    sync.WaitGroup
}

func openSite(h http.Handler) (*site, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &site{address: l.Addr().String(), server: http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}}
	s.done.Go(func() { _ = s.server.Serve(l) }) // ends with ErrServerClosed
	return s, nil
}

// close ends the server and waits for it.
func (s *site) close() {
	_ = s.server.Close()
	s.done.Wait()
}
