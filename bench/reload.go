package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// reloading is what a load saw while its proxy was told each second to read its
// configuration again, beside one that was left alone.
type reloading struct {
	requests, errors int
	idle, p99        time.Duration
}

const reloadSeconds = 7

// reloads loads a proxy twice, and has it reload in the second time.
func (w *world) reloads(name string, script string) (r reloading, err error) {
	p, err := w.fresh(name)
	if err != nil {
		return r, err
	}
	defer p.stop()
	left, err := wrk(loadCore, p.address, script, reloadSeconds, connections)
	if err != nil {
		return r, err
	}
	done := make(chan error, 1)
	go func() {
		for range reloadSeconds - 1 {
			time.Sleep(time.Second)
			if err := w.reload(name, p); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	disturbed, err := wrk(loadCore, p.address, script, reloadSeconds, connections)
	if err != nil {
		return r, err
	}
	if err := <-done; err != nil {
		return r, err
	}
	return reloading{disturbed.requests, disturbed.errors + disturbed.refused + left.errors + left.refused, left.p99, disturbed.p99}, nil
}

// reload changes something of a proxy's configuration and tells the proxy, as its
// documentation says.
func (w *world) reload(name string, p *process) error {
	switch name {
	case "postern":
		file := w.path("postern.yaml")
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		changed := strings.Replace(string(text), "upstream: backend,", "upstream: backend, timeout: 1m,", 1)
		if changed == string(text) {
			return fmt.Errorf("nothing to change in %s", file)
		}
		if strings.Contains(string(text), "timeout: 1m,") {
			changed = strings.Replace(string(text), "timeout: 1m,", "", 1)
		}
		if err := os.WriteFile(file+".new", []byte(changed), 0o600); err != nil {
			return err
		}
		if err := os.Rename(file+".new", file); err != nil {
			return err
		}
		return syscall.Kill(p.command.Process.Pid, syscall.SIGHUP)
	case "nginx":
		return syscall.Kill(p.command.Process.Pid, syscall.SIGHUP)
	case "haproxy":
		return syscall.Kill(p.command.Process.Pid, syscall.SIGUSR2)
	case "caddy":
		folder := w.path("caddy-0")
		return w.run("caddy", "reload", "--force", "--adapter", "caddyfile", "--address", "unix/"+filepath.Join(folder, "admin"), "--config", filepath.Join(folder, "config"))
	}
	return fmt.Errorf("nobody knows how %s reloads", name)
}
