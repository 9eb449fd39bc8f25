package proxy

import (
	"bytes"
	"context"
	"log"
	"log/slog"
)

// StrayLog returns a logger for what packages report beside any request, so that
// everything that is logged goes through one writer. net/http quotes there what a
// client or an upstream sent out of turn: that may be anybody's data and is left out.
// It is safe for concurrent use.
func StrayLog(to *slog.Logger, level slog.Level) *log.Logger {
	return log.New(stray{to, level}, "", 0)
}

// maxStray bounds what is said without quotes.
const maxStray = 512

type stray struct {
	log   *slog.Logger
	level slog.Level
}

// Write implements io.Writer.
func (s stray) Write(line []byte) (int, error) {
	said, _, quotes := bytes.Cut(line, []byte{'"'})
	long := len(said) > maxStray
	s.log.Log(context.Background(), s.level, string(bytes.TrimSpace(said[:min(len(said), maxStray)])), leftOut, quotes || long)
	return len(line), nil
}

// leftOut says whether some of a line is not told. Strangers can cause any number of
// such lines, so that they are as dispensable as those of their requests.
const leftOut = "left_out"
