package main

import (
	"bytes"
	"log/slog"
)

// strayLog takes what packages write to the standard logger, so that everything
// that is logged goes through one writer. net/http reports there, in quotes, what
// an upstream sent out of turn: that may be anybody's data and is left out.
type strayLog struct{ log *slog.Logger }

// Write implements io.Writer for log.SetOutput.
func (s strayLog) Write(line []byte) (int, error) {
	said, _, quotes := bytes.Cut(line, []byte{'"'})
	s.log.Warn(string(bytes.TrimSpace(said)), "left_out", quotes)
	return len(line), nil
}
