package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program that runs while something is measured.
type process struct {
	name    string
	address string // of its listener
	command *exec.Cmd
	ended   chan struct{}
}

// start runs a program on one core, with its output in a file, and waits until it
// listens.
func start(name string, core int, address, output string, arguments ...string) (*process, error) {
	out, err := os.OpenFile(output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{name: name, address: address, ended: make(chan struct{})}
	p.command = exec.Command("taskset", append([]string{"-c", strconv.Itoa(core)}, arguments...)...)
	p.command.Stdout, p.command.Stderr = out, out
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.command.Wait() // how it ended shows in its output
		close(p.ended)
	}()
	for range 600 {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return p, c.Close()
		}
		select {
		case <-p.ended:
			text, _ := os.ReadFile(output)
			return nil, fmt.Errorf("%s ended at once: %s", name, text)
		case <-time.After(50 * time.Millisecond):
		}
	}
	p.stop()
	return nil, fmt.Errorf("%s does not listen", name)
}

// stop ends the program and all that it started.
func (p *process) stop() {
	_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
}

// family returns the ids of the process and its descendants: some proxies work in
// children.
func (p *process) family() ([]int, error) {
	list := []int{p.command.Process.Pid}
	for i := 0; i < len(list); i++ {
		children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", list[i]))
		if err != nil {
			return nil, err
		}
		for _, file := range children {
			text, err := os.ReadFile(file)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
			for _, id := range strings.Fields(string(text)) {
				pid, err := strconv.Atoi(id)
				if err != nil {
					return nil, err
				}
				list = append(list, pid)
			}
		}
	}
	return list, nil
}

// cpu returns the processor time that the kernel has accounted to the process until
// now, in user and kernel mode, all threads together (proc_pid_schedstat: the first
// number, in nanoseconds).
func (p *process) cpu() (sum time.Duration, err error) {
	family, err := p.family()
	if err != nil {
		return 0, err
	}
	for _, pid := range family {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil {
			return 0, err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return 0, err
			}
			first, _, _ := strings.Cut(string(text), " ")
			ns, err := strconv.ParseInt(first, 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(ns)
		}
	}
	return sum, nil
}

// resident returns the bytes of memory that the process holds, its children
// included.
func (p *process) resident() (sum int64, err error) {
	family, err := p.family()
	if err != nil {
		return 0, err
	}
	for _, pid := range family {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, err
		}
		_, rest, _ := strings.Cut(string(text), "VmRSS:")
		number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		kib, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += kib << 10
	}
	return sum, nil
}

// freeAddress returns an address of loopback on which nobody listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
