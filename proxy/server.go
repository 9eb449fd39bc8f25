package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
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
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelInfo),
	}}
}

// Serve accepts at most connections at a time from l until Shutdown.
func (s *Server) Serve(l net.Listener, connections int) error {
	err := s.http.Serve(netutil.LimitListener(l, connections))
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
	s.handler.Drain()
	s.log.Info("refusing requests")
	// From Shutdown on, net/http drops what arrives on open connections without
	// an answer. Until the last request has ended there is no need for that.
	defer s.handler.Close()
	s.handler.Wait(ctx)
	if err := s.http.Shutdown(ctx); err != nil {
		s.log.Warn("requests were cut off at the end of the grace")
		return s.http.Close()
	}
	return nil
}
