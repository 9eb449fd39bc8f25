package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"postern/cmd/postern/demo"
	"postern/config"
)

func demoCommand() *cobra.Command {
	var listen, admin, logFile string
	var check, printConfig bool
	command := &cobra.Command{
		Use:   "demo",
		Short: "Run a whole setup on loopback, and print requests to try",
		Long: `Run Postern with example backends and an identity provider on loopback, and
print requests that can be pasted. With --check, send these requests and more,
and exit 0 only if each is answered as expected.`,
		Example: "  postern demo\n  postern demo --check",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			out := command.OutOrStdout()
			if printConfig {
				_, err := io.WriteString(out, demo.Configuration())
				return failed(err)
			}
			if err := errors.Join(checkLoopback("--listen", listen), checkLoopback("--admin", admin)); err != nil {
				return err
			}
			log, err := openLog(logFile)
			if err != nil {
				return failed(err)
			}
			defer log.Close()
			ctx, stop := signal.NotifyContext(command.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			// A second signal ends the process at once.
			defer context.AfterFunc(ctx, stop)()
			use := showDemo
			if check {
				use = checkDemo
			}
			return failed(runDemo(ctx, listen, admin, log, func(ctx context.Context, w *demo.World, l listeners) error {
				return use(ctx, out, w, l)
			}))
		},
	}
	flags := command.Flags()
	flags.BoolVar(&check, "check", false, "send the requests and compare the answers")
	flags.BoolVar(&printConfig, "print-config", false, "print the configuration and do nothing else")
	flags.StringVar(&listen, "listen", "127.0.0.1:0", "where the proxy listens; port 0 takes one that is free")
	flags.StringVar(&admin, "admin", "127.0.0.1:0", "where the proxy listens for operators")
	flags.StringVar(&logFile, "log", "", "append the proxy's log to a file; no log where it is left out")
	command.MarkFlagsMutuallyExclusive("check", "print-config")
	return command
}

// checkLoopback: the secrets of the demo are known to everybody.
func checkLoopback(flag, address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s: %q is no address: use 127.0.0.1:port", flag, address)
	}
	if !at.Addr().IsLoopback() {
		return fmt.Errorf("%s: %s is not loopback, and the secrets of the demo are known to everybody", flag, address)
	}
	return nil
}

func openLog(file string) (io.WriteCloser, error) {
	if file == "" {
		file = os.DevNull
	}
	return os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
}

// showDemo prints the requests and serves until ctx ends.
func showDemo(ctx context.Context, out io.Writer, w *demo.World, l listeners) error {
	err := w.Print(out, l.clients.Addr().String(), l.admin.Addr().String(), w.Cases(time.Now()))
	if err == nil {
		<-ctx.Done()
	}
	return err
}

// checkPatience bounds the whole check.
const checkPatience = 2 * time.Minute

// checkDemo sends the requests.
func checkDemo(ctx context.Context, out io.Writer, w *demo.World, l listeners) error {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	return w.Check(ctx, out, l.clients.Addr().String(), w.Cases(time.Now()))
}

// runDemo runs the proxy in its demo world, as serve would, while use does.
func runDemo(ctx context.Context, listen, admin string, log io.Writer, use func(context.Context, *demo.World, listeners) error) error {
	w, err := demo.Start()
	if err != nil {
		return err
	}
	defer w.Close()
	file, err := w.WriteConfig(listen, admin)
	if err != nil {
		return err
	}
	c, err := config.Load(file, os.LookupEnv)
	if err != nil {
		return err
	}
	l, err := listenAll(c)
	if err != nil {
		return err
	}
	hangups, stopHangups := notifyHangups()
	defer stopHangups()
	a := newApp(file, c, newLogger(c.Log, log))
	a.current.awaitKeys(ctx, &generation{}) // the first request must find keys

	// Each ends the other: the proxy when it fails, and its only user in any case.
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.serve(ctx, l, hangups) })
	group.Go(func() error {
		defer stop()
		return use(ctx, w, l)
	})
	return group.Wait()
}
