package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"

	"postern/config"
	"postern/forwardauth"
	"postern/proxy"
)

func serveCommand() *cobra.Command {
	var file string
	command := &cobra.Command{
		Use:     "serve --config FILE",
		Short:   "Run the proxy",
		Example: "  postern serve --config postern.yaml",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			// Before anything else: a hangup would end the process.
			hangups, stopHangups := notifyHangups()
			defer stopHangups()
			memory := tuneMemory()
			defer runtime.KeepAlive(memory.ballast)
			c, err := config.Load(file, os.LookupEnv)
			if err != nil {
				return err
			}
			asked, stop := signal.NotifyContext(command.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			ctx, shutDown := context.WithCancel(context.WithoutCancel(asked))
			defer shutDown()
			// A second signal ends the process at once, from before anybody can know of
			// the first.
			defer context.AfterFunc(asked, func() {
				stop()
				shutDown()
			})()
			queue := proxy.NewLogQueue(command.OutOrStdout())
			defer closeLog(queue)
			logger := queue.Logger(c.Log)
			log.SetFlags(0)
			log.SetOutput(proxy.StrayLog(logger, slog.LevelWarn).Writer())
			return failed(serve(ctx, file, c, memory, logger, queue, hangups))
		},
	}
	command.Flags().StringVar(&file, "config", "", "the configuration file (required)")
	_ = command.MarkFlagRequired("config")
	return command
}

// notifyHangups returns where each SIGHUP arrives, until stop is called. Of those
// that nobody has taken yet one is kept: it asks for all of them.
func notifyHangups() (hangups <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}

// closeLog writes what was logged last, within bounds: nobody may be reading.
func closeLog(q *proxy.LogQueue) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	q.Close(ctx)
}

// serve runs until ctx ends, then shuts down in order. A hangup reloads.
func serve(ctx context.Context, file string, c *config.Config, memory memory, log *slog.Logger, queue *proxy.LogQueue, hangups <-chan os.Signal) error {
	l, err := listenAll(c)
	if err != nil {
		return err
	}
	a := newApp(file, c, log)
	queue.Observe(a.shop.metrics)
	memory.settle(log)
	return a.serve(ctx, l, hangups)
}

// serve is the part of [serve] after the ports are known to be free.
func (a *app) serve(ctx context.Context, l listeners, hangups <-chan os.Signal) error {
	defer a.close()
	c, log := a.current.config, a.shop.log

	server := proxy.NewServer(c.Server, a.handler, a.ready, log)
	parts := proxy.AdminParts{
		Ready:   a.ready,
		Metrics: a.shop.metrics.Handler(log),
		Reload:  a.reload,
		JWKS:    a.handler.JWKS,
		Token:   func() []byte { return *a.token.Load() },
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Serve(l.clients, c.Limits.Connections) })
	admin := operatorServer(proxy.NewAdmin(parts), log)
	others := []*http.Server{admin}
	group.Go(func() error { return serveOther(admin, l.admin) })
	if l.health != nil {
		health := operatorServer(proxy.NewHealth(parts), log)
		others = append(others, health)
		group.Go(func() error { return serveOther(health, l.health) })
	}
	if l.forwardAuth != nil {
		questions := forwardauth.NewServer(a.handler, c.Server, log)
		others = append(others, questions)
		group.Go(func() error {
			return serveOther(questions, netutil.LimitListener(l.forwardAuth, c.Limits.Connections))
		})
	}
	group.Go(func() error {
		<-ctx.Done()
		err := server.Shutdown(context.WithoutCancel(ctx))
		a.end()
		for _, o := range others {
			err = errors.Join(err, endOther(o))
		}
		return err
	})
	// Requests that go on while it shuts down are still held to what is withdrawn.
	group.Go(func() error {
		a.watcher.Run(a.life)
		return nil
	})
	group.Go(func() error {
		a.reloadOn(hangups)
		return nil
	})
	l.announce(log)
	warnOfDescriptors(c.Limits.Connections, log)
	err := group.Wait()
	log.Info("stopped")
	return err
}

// spareDescriptors are for listeners, files, key sources and operators.
const spareDescriptors = 100

// warnOfDescriptors tells of a limit that connections, each of which may need one to
// an upstream, would reach before their own.
func warnOfDescriptors(connections int, log *slog.Logger) {
	if limit, known := maxDescriptors(); known && limit < 2*uint64(connections)+spareDescriptors {
		log.Warn("the limit of open files is lower than limits.connections may need", "open_files", limit, "connections", connections)
	}
}

// reloadOn reloads on each hangup, until the end.
func (a *app) reloadOn(hangups <-chan os.Signal) {
	for {
		select {
		case <-hangups:
			_ = a.reload() // it has said why
		case <-a.life.Done():
			return
		}
	}
}

// listeners are opened before anything else, so that a port that is taken is
// known at once.
type listeners struct {
	clients, admin net.Listener
	// nil where none is configured
	health, forwardAuth net.Listener
}

func listenAll(c *config.Config) (l listeners, err error) {
	for _, want := range []struct {
		address  string
		listener *net.Listener
	}{
		{c.Server.Listen, &l.clients}, {c.Admin.Listen, &l.admin}, {c.Health.Listen, &l.health}, {c.ForwardAuth.Address(), &l.forwardAuth},
	} {
		if want.address == "" {
			continue
		}
		if *want.listener, err = proxy.Listen(want.address); err != nil {
			l.close()
			return listeners{}, fmt.Errorf("listen: %w", err)
		}
	}
	return l, nil
}

func (l listeners) close() {
	for _, open := range []net.Listener{l.clients, l.admin, l.health, l.forwardAuth} {
		if open != nil {
			_ = open.Close()
		}
	}
}

func (l listeners) announce(log *slog.Logger) {
	attributes := []any{"clients", l.clients.Addr().String(), "admin", l.admin.Addr().String()}
	if l.health != nil {
		attributes = append(attributes, "health", l.health.Addr().String())
	}
	if l.forwardAuth != nil {
		attributes = append(attributes, "forward_auth", l.forwardAuth.Addr().String())
	}
	log.Info("listening", attributes...)
}

func operatorServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          proxy.StrayLog(log, slog.LevelInfo),
	}
}

// endOther lets answers that are on their way arrive.
func endOther(s *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.Shutdown(ctx) != nil {
		return s.Close()
	}
	return nil
}

func serveOther(s *http.Server, l net.Listener) error {
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
