package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const reloadTime = 7 * time.Second

// reloads has a proxy reload each second, or leaves it alone, while requests come at
// the steady rate.
func (w *world) reloads(name string, p *process, left bool) (latency, error) {
	done := make(chan error, 1)
	go func() {
		for range int(reloadTime/time.Second) - 1 {
			time.Sleep(time.Second)
			if left {
				continue
			}
			if err := w.reload(name, p); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	l, err := steady(p.address, []request{{method: "GET", path: "/public/items"}}, steadyRate, reloadTime)
	return l, errors.Join(err, <-done)
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
		changed := strings.Replace(string(text), "timeout: 1m", "timeout: 2m", 1)
		if changed == string(text) {
			changed = strings.Replace(string(text), "timeout: 2m", "timeout: 1m", 1)
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
