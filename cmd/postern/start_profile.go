//go:build profile

package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
)

// main writes a processor profile to the file that POSTERN_CPU_PROFILE names. Only
// bench builds this: default.pgo is made of it.
func main() {
	f, err := os.Create(os.Getenv("POSTERN_CPU_PROFILE"))
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		os.Exit(exitFailed)
	}
	code := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)
	pprof.StopCPUProfile()
	if err := f.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		os.Exit(exitFailed)
	}
	os.Exit(code)
}
