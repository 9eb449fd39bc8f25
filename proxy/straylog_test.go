package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"postern/policy"
)

// What strangers write does not get into the log, in quotes or by its length, and
// takes no room that others need.
func TestStrayLogIsBounded(t *testing.T) {
	var out bytes.Buffer
	q := NewLogQueue(&out)
	log := StrayLog(slog.New(q.Handler(slog.NewTextHandler(q, nil))), slog.LevelInfo)
	log.Printf("handshake error: unsupported protocols (%q)", strings.Repeat("x", 70_000))
	log.Printf("offered versions %s", strings.Repeat("x", 70_000))
	q.Close(t.Context())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.HasSuffix(lines[0], `msg="handshake error: unsupported protocols (" left_out=true`) || len(lines[1]) > 2*maxStray {
		t.Errorf("logged %.2000s", out.String())
	}
	var record slog.Record
	record.Level = slog.LevelError
	record.Add(leftOut, false)
	if got := kindOf(record); got != dispensable {
		t.Errorf("kind %d", got)
	}
}

// Where we have no descriptor or port left, no upstream is to blame.
func TestUpstreamReason(t *testing.T) {
	for _, test := range []struct {
		err  error
		want policy.Reason
	}{
		{syscall.EMFILE, policy.Overloaded},
		{syscall.ENFILE, policy.Overloaded},
		{syscall.EADDRNOTAVAIL, policy.Overloaded},
		{syscall.ECONNREFUSED, policy.UpstreamUnreachable},
		{os.ErrDeadlineExceeded, policy.UpstreamUnreachable},
		{errors.New("no such host"), policy.UpstreamUnreachable},
	} {
		err := fmt.Errorf("connecting: %w", &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", test.err)})
		if got := upstreamReason(err); got != test.want {
			t.Errorf("%v: %v, want %v", err, got, test.want)
		}
	}
}
