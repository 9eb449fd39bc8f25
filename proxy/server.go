package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/net/netutil"
)

// Server serves clients on one listener until it is shut down.
type Server struct {
	settings ServerSettings
	handler  *Handler
	ready    *Readiness
	http     *http.Server
	log      *slog.Logger
}

// NewServer returns a server that is not listening yet.
func NewServer(s ServerSettings, h *Handler, ready *Readiness, log *slog.Logger) *Server {
	return &Server{settings: s, handler: h, ready: ready, log: log, http: &http.Server{
		Handler:           h,
		ReadHeaderTimeout: s.ReadHeaderTimeout.Std(),
		IdleTimeout:       s.IdleTimeout.Std(),
		MaxHeaderBytes:    int(s.MaxHeaderBytes),
		// An OPTIONS * is a request like any other: without a route it is refused.
		DisableGeneralOptionsHandler: true,
		Protocols:                    s.protocols(),
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerConnection: maxUnread},
		// Read for each connection, so that a reload changes the certificate of those
		// that come after it.
		TLSConfig: &tls.Config{GetConfigForClient: h.tlsConfig, NextProtos: slices.Clone(protocolNames)},
		ErrorLog:  StrayLog(log, slog.LevelInfo),
	}}
}

// What one connection of HTTP/2 may have under way at a time: requests, and bytes
// of their bodies that nobody has read yet.
const (
	maxStreams = 100
	maxUnread  = 256 << 10
)

// protocols returns what the listener speaks.
func (s *ServerSettings) protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(s.TLS != nil)
	p.SetUnencryptedHTTP2(s.H2C)
	return p
}

// Serve accepts at most connections at a time from l until Shutdown.
func (s *Server) Serve(l net.Listener, connections int) error {
	l = steadyListener{netutil.LimitListener(l, connections)}
	serve := s.http.Serve
	if s.settings.TLS != nil {
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	err := serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown ends the server in three steps: /readyz fails while traffic is still
// served, so that load balancers turn away; then further requests are refused
// while those under way may end; then what is left is cut off. Ending ctx skips
// the rest of the waiting.
func (s *Server) Shutdown(ctx context.Context) error {
	s.ready.Fail()
	s.log.Info("shutting down", "delay", s.settings.ShutdownDelay.Std(), "grace", s.settings.ShutdownGrace.Std())
	select {
	case <-time.After(s.settings.ShutdownDelay.Std()):
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(ctx, s.settings.ShutdownGrace.Std())
	defer cancel()
	s.handler.Drain(s.settings.ShutdownGrace.Std())
	s.log.Info("refusing requests")
	// From Shutdown on, net/http drops what arrives on open connections without
	// an answer. Until the last request has ended there is no need for that.
	s.handler.Wait(ctx)
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.log.Warn("requests were cut off at the end of the grace")
		err = s.http.Close()
	}
	s.handler.Close()
	logged, cancel := context.WithTimeout(context.WithoutCancel(ctx), closePatience)
	defer cancel()
	s.handler.Wait(logged)
	return err
}
