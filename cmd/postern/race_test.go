//go:build race

package main

// raceDetector: memory is taken that a release does not take.
const raceDetector = true
