package proxy

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

// ends follows p in pieces of a size, and returns where frames end.
func ends(f *frames, p []byte, size int) (list []int) {
	for at := 0; at < len(p); {
		n := f.next(p[at:min(at+size, len(p))])
		at += n
		if f.between() {
			list = append(list, at)
		}
	}
	return list
}

// Where frames end does not depend on the pieces in which they come.
func TestFrames(t *testing.T) {
	long, longer := bytes.Repeat([]byte{0x88}, 300), bytes.Repeat([]byte{0x81}, 70000)
	for _, test := range []struct {
		name   string
		bytes  []byte
		want   []int
		closed bool
	}{
		{"empty text", []byte("\x81\x00"), []int{2}, false},
		{"masked and empty", []byte("\x81\x80abcd"), []int{6}, false},
		{"text, ping, text", []byte("\x81\x02hi\x89\x00\x81\x81abcdX"), []int{4, 6, 13}, false},
		{"fragments", []byte("\x01\x01a\x00\x01b\x80\x01c"), []int{3, 6, 9}, false},
		{"16 bits of length", append([]byte("\x82\x7e\x01\x2c"), long...), []int{304}, false},
		{"64 bits of length", append([]byte("\x82\xff\x00\x00\x00\x00\x00\x01\x11\x70abcd"), longer...), []int{70014}, false},
		{"close", []byte("\x88\x82abcdXY\x81\x00"), []int{8, 10}, true},
		{"oversized close", append([]byte("\x88\x7e\x01\x2c"), long...), []int{304}, true},
		{"half a close", []byte("\x88\x02\x03"), nil, false},
		{"the longest", append([]byte("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), long...), nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 7, 512, 1 << 20} {
				var f frames
				got := ends(&f, test.bytes, size)
				if diff := cmp.Diff(test.want, got); diff != "" || f.closed != test.closed {
					t.Errorf("in pieces of %d: closed %t, %s", size, f.closed, diff)
				}
			}
		})
	}
}

// What Postern itself says is one whole control frame, whatever the reason.
func TestCloseFrame(t *testing.T) {
	if got := closeFrame(4401, "revoked", false); string(got) != "\x88\x09\x11\x31revoked" {
		t.Errorf("%q", got)
	}
	masked := closeFrame(1001, "x", true)
	if len(masked) != 9 || masked[1] != 0x83 || masked[8]^masked[4] != 'x' {
		t.Errorf("%q", masked)
	}
	reasons := []string{"", strings.Repeat("x", 500)}
	for _, r := range policy.Reasons() {
		reasons = append(reasons, endFor(r).reason)
	}
	for _, reason := range reasons {
		for _, mask := range []bool{false, true} {
			frame := closeFrame(4401, reason, mask)
			var f frames
			if n := f.next(frame); n != len(frame) || !f.closed || frame[1]&0x7f > 125 {
				t.Errorf("%q: %q", reason, frame)
			}
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x81\x02hi\x88\x00"), 3)
	f.Add([]byte("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xffabc"), 2)
	f.Fuzz(func(t *testing.T, p []byte, size int) {
		if size < 1 {
			return
		}
		var whole, pieces frames
		if diff := cmp.Diff(ends(&whole, p, len(p)+1), ends(&pieces, p, min(size, len(p)+1))); diff != "" || whole != pieces {
			t.Error(diff)
		}
	})
}
