//go:build unix

package main

import "syscall"

// maxDescriptors returns how many files and connections the process may have open,
// false where that is not known. Package os has raised it as far as it can be.
func maxDescriptors() (uint64, bool) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	return uint64(limit.Cur), true
}
