package gate_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"postern/gate"
	"postern/policy"
)

func TestBytes(t *testing.T) {
	body := gate.Bytes("12345")
	for limit, want := range map[int64]policy.Reason{4: policy.BodyTooLarge, 5: policy.ReasonNone} {
		for name, read := range map[string]func() ([]byte, error){
			"ReadAll": func() ([]byte, error) { return body.ReadAll(limit) },
			"Buffer":  func() ([]byte, error) { return body.Buffer(strings.NewReader("12345"), limit) },
		} {
			data, err := read()
			if got := policy.ReasonOf(err); got != want || err == nil && string(data) != "12345" {
				t.Errorf("%s of %d: %q, %v", name, limit, data, err)
			}
		}
	}
	if _, err := body.Buffer(iotest.ErrReader(io.ErrUnexpectedEOF), 1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
	if err := body.Reserve(1 << 40); err != nil {
		t.Error(err)
	}
}
