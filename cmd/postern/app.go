package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"postern/config"
	"postern/keys"
	"postern/metrics"
	"postern/proxy"
)

// app is a running Postern without its listeners.
type app struct {
	file    string
	shop    workshop
	handler *proxy.Handler
	ready   *proxy.Readiness
	watcher *keys.Watcher
	// token is what the admin listener asks for; empty for nothing.
	token atomic.Pointer[[]byte]
	// life ends with end, and with it everything that reloads.
	life context.Context
	end  context.CancelFunc

	mu      sync.Mutex // one reload at a time
	current *generation
}

func newLogger(s proxy.LogSettings, out io.Writer) *slog.Logger { return slog.New(s.Handler(out)) }

// newApp starts what a configuration asks for in the background. Keys that are
// remote may still be on their way.
func newApp(file string, c *config.Config, log *slog.Logger) *app {
	b := thisBuild()
	a := &app{file: file, shop: workshop{metrics: metrics.New(b.version, b.goVersion), log: log}}
	// Nobody is served yet, so that nothing is gained by waiting for keys.
	immediately, cancel := context.WithCancel(context.Background())
	cancel()
	a.current = a.shop.build(immediately, c, nil)
	a.shop.publish(a.current)
	a.shop.metrics.Reloaded(true, time.Now())
	a.warn()
	a.settle()
	a.life, a.end = context.WithCancel(context.Background())
	a.token.Store(&c.AdminToken)
	a.watcher = keys.NewWatcher(c.Files, time.Now(), func() { _ = a.reload() }, a.shop.metrics, log) // reload says why
	a.handler = proxy.NewHandler(a.current.state, a.shop.metrics, log)
	a.ready = proxy.NewReadiness(time.Now().Add(c.Server.ReadyTimeout.Std()), a.current.sources())
	return a
}

// warn logs what is legal in the running configuration but worth a look.
func (a *app) warn() {
	for _, warning := range a.current.config.Warnings(time.Now()) {
		a.shop.log.Warn(warning)
	}
}

// close stops everything in the background and waits for it.
func (a *app) close() {
	a.end()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.current.stop()
}

// reloadWait bounds how long a reload waits for the keys of new sources.
const reloadWait = 5 * time.Second

// reload reads the configuration again and swaps it in, or changes nothing and
// says why.
func (a *app) reload() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revoke()
	c, files, err := config.Reload(a.file, os.LookupEnv, a.current.config.Files)
	if err == nil {
		err = a.swap(c)
	}
	a.watcher.Tried(files, err == nil, time.Now())
	a.shop.metrics.Reloaded(err == nil, time.Now())
	if err != nil {
		a.shop.log.Error("reload refused, the running configuration stays", "file", a.file, "error", err.Error())
		return err
	}
	a.shop.log.Info("configuration reloaded", "file", a.file, "routes", len(a.current.config.Routes))
	a.warn()
	a.settle()
	return nil
}

// So many secrets or routes take so much to load that it is worth the effort to give
// the memory back.
const (
	largeRing  = 10_000
	manyRoutes = 1_000
)

// settle gives back what loading large rings or many routes took: several times what
// is kept.
func (a *app) settle() {
	a.current.config.RouteList = nil // as large as the routes, and of no use beside them
	secrets := 0
	for _, r := range a.current.config.Rings {
		secrets += r.Len()
	}
	if secrets >= largeRing || len(a.current.config.Routes) >= manyRoutes {
		debug.FreeOSMemory()
	}
}

// revoke puts the list of revocations in force by itself, where it is good: that
// must not wait for the rest. What is wrong with it is told by the reload.
func (a *app) revoke() {
	s := a.current.config.Revocations
	if s == nil {
		return
	}
	if list, err := config.ReadRevocations(a.file, s); err == nil {
		a.shop.revocations.Replace(list)
	}
}

// swap puts a configuration in force, where that needs no restart.
func (a *app) swap(c *config.Config) error {
	if err := sameListeners(a.current.config, c); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(a.life, reloadWait)
	defer cancel()
	old := a.current
	next := a.shop.build(ctx, c, old)
	a.handler.Swap(next.state)
	a.token.Store(&c.AdminToken)
	a.ready.Replace(next.sources(), time.Now())
	a.current = next
	a.shop.replace(old, next)
	a.shop.publish(next)
	return nil
}

// sameListeners refuses a change that needs a restart: to take over half of a
// configuration would be worse than to say so.
func sameListeners(old, c *config.Config) error {
	before, after := old.Server, c.Server
	// These two belong to the policy, not to the listener.
	before.TrustedProxies, before.BodyTimeout = after.TrustedProxies, after.BodyTimeout
	// A listener speaks TLS or not; which certificates it has may change.
	if before.TLS != nil && after.TLS != nil {
		before.TLS = after.TLS
	}
	var changed []error
	for _, part := range []struct {
		key  string
		same bool
	}{
		{"server", reflect.DeepEqual(before, after)},
		{"admin", old.Admin.Listen == c.Admin.Listen},
		{"health", old.Health == c.Health},
		{"forward_auth", old.ForwardAuth.Address() == c.ForwardAuth.Address()},
		{"log.format", old.Log.Format == c.Log.Format},
		{"limits.connections", old.Limits.Connections == c.Limits.Connections},
	} {
		if !part.same {
			changed = append(changed, fmt.Errorf("%s changed: this needs a restart", part.key))
		}
	}
	return errors.Join(changed...)
}
