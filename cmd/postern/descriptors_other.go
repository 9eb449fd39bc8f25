//go:build !unix

package main

func maxDescriptors() (uint64, bool) { return 0, false }
