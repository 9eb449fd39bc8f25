package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"postern/authn"
	"postern/policy"
)

// held is an exchange of a verified customer that may hold bodies of so many
// bytes, all taken together.
func held(h *Handler, budget int64) *exchange {
	x := &exchange{handler: h, holding: holding{budget: &h.bodies, limit: budget}}
	x.decision.Verified = &authn.Verified{Identity: policy.Identity{Level: policy.Customer}}
	return x
}

func TestHold(t *testing.T) {
	fault := errors.New("no more")
	for name, test := range map[string]struct {
		content io.Reader
		limit   int64
		want    string
		reason  policy.Reason
		err     error
	}{
		"nothing":           {strings.NewReader(""), 10, "", policy.ReasonNone, nil},
		"below the limit":   {strings.NewReader("123456789"), 10, "123456789", policy.ReasonNone, nil},
		"at the limit":      {strings.NewReader("1234567890"), 10, "1234567890", policy.ReasonNone, nil},
		"over the limit":    {strings.NewReader("12345678901"), 10, "12345678901", policy.BodyTooLarge, nil},
		"far over it":       {strings.NewReader(strings.Repeat("1", 1000)), 10, "11111111111", policy.BodyTooLarge, nil},
		"byte by byte":      {iotest.OneByteReader(strings.NewReader("1234567890")), 10, "1234567890", policy.ReasonNone, nil},
		"end with the last": {iotest.DataErrReader(strings.NewReader("1234567890")), 10, "1234567890", policy.ReasonNone, nil},
		"a fault":           {io.MultiReader(strings.NewReader("123"), iotest.ErrReader(fault)), 10, "123", policy.Internal, fault},
		"several buffers":   {strings.NewReader(strings.Repeat("1", 100<<10)), 1 << 20, strings.Repeat("1", 100<<10), policy.ReasonNone, nil},
	} {
		t.Run(name, func(t *testing.T) {
			x := held(&Handler{}, 1<<20)
			got, err := x.Buffer(test.content, test.limit)
			if string(got) != test.want || policy.ReasonOf(err) != test.reason || test.err != nil && err != test.err {
				t.Errorf("%.20q (%d bytes), %v", got, len(got), err)
			}
			if used := x.handler.bodies.all.Load(); used != x.holding.all || used < int64(cap(got)) || used > max(2*int64(len(got)), firstBuffer) {
				t.Errorf("%d bytes are in use, %d reserved, %d held", used, x.holding.all, cap(got))
			}
		})
	}
}

// A body takes room as it comes, whatever was announced.
func TestHoldGrowsWithTheBody(t *testing.T) {
	reader, writer := io.Pipe()
	x := held(&Handler{}, 1<<30)
	ended := make(chan error)
	go func() {
		_, err := x.Buffer(reader, 1<<29)
		ended <- err
	}()
	for sent, chunk := 0, make([]byte, firstBuffer); sent < 100; sent++ {
		// Once it is taken, the room for all before it is.
		if _, err := writer.Write(chunk); err != nil {
			t.Fatal(err)
		}
		if used := x.handler.bodies.all.Load(); used > 4*int64(sent+1)*firstBuffer {
			t.Fatalf("%d bytes for %d", used, (sent+1)*firstBuffer)
		}
	}
	writer.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Bodies together never take more than there is, and there is room again after
// those that were refused.
func TestHoldSharesTheBudget(t *testing.T) {
	const budget = 64 << 10
	h := &Handler{}
	body := bytes.Repeat([]byte("1"), 10<<10)
	var together, refused atomic.Int64
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for range 100 {
				x := held(h, budget)
				content, err := x.Buffer(bytes.NewReader(body), 20<<10)
				if held := together.Add(x.holding.all); held > budget {
					t.Errorf("%d bytes are held", held)
				}
				together.Add(-x.holding.all)
				if policy.ReasonOf(err) == policy.Overloaded {
					refused.Add(1)
				}
				switch {
				case err == nil && len(content) != len(body), err != nil && policy.ReasonOf(err) != policy.Overloaded:
					t.Errorf("%d bytes, %v", len(content), err)
				}
				x.holding.end()
			}
		})
	}
	all.Wait()
	if refused.Load() == 0 {
		t.Error("no body was refused")
	}
	if used := h.bodies.all.Load(); used != 0 {
		t.Errorf("%d bytes stay in use", used)
	}
	if _, err := held(h, budget).Buffer(bytes.NewReader(body), 20<<10); err != nil {
		t.Error(err)
	}
}

func TestReadAll(t *testing.T) {
	broken := errors.New("invalid byte in chunk length")
	for name, test := range map[string]struct {
		body   io.Reader
		length int64
		want   string
	}{
		"whole":                {strings.NewReader("hello"), 5, ""},
		"of unknown length":    {strings.NewReader("hello"), -1, ""},
		"announced too long":   {iotest.ErrReader(errors.New("read all the same")), 11, "body_too_large: a body may have 10 bytes here"},
		"too long":             {strings.NewReader("hello world"), -1, "body_too_large: a body may have 10 bytes here"},
		"cut short":            {io.MultiReader(strings.NewReader("he"), iotest.ErrReader(io.ErrUnexpectedEOF)), 5, "malformed_body: the body is cut short"},
		"of a broken framing":  {io.MultiReader(strings.NewReader("he"), iotest.ErrReader(broken)), -1, "malformed_request: the body breaks off or its framing is broken"},
		"larger than the room": {strings.NewReader("hello"), 5, "overloaded"},
	} {
		t.Run(name, func(t *testing.T) {
			budget := int64(1 << 20)
			if test.want == "overloaded" {
				budget = 1
			}
			x := held(&Handler{}, budget)
			x.body, x.length = newInboundBody(httptest.NewRecorder(), test.body, time.Hour), test.length
			got, err := x.ReadAll(10)
			switch {
			case test.want == "":
				if string(got) != "hello" || !x.whole || string(x.held.content) != "hello" || err != nil {
					t.Errorf("%q, kept %+v, %v", got, x.held, err)
				}
			case err == nil || err.Error() != test.want || got != nil || x.whole:
				t.Errorf("%q, kept %+v, %v", got, x.held, err)
			}
		})
	}
}

// Whoever nobody has verified yet cannot take the room of those who are.
func TestStrangersHaveAQuarter(t *testing.T) {
	h := &Handler{}
	customer, stranger := held(h, 64<<10), held(h, 64<<10)
	stranger.decision.Verified = authn.NewAnonymous()
	if _, err := stranger.Buffer(bytes.NewReader(make([]byte, 6<<10)), 32<<10); err != nil {
		t.Fatal(err)
	}
	if err := stranger.Reserve(8 << 10); err != nil {
		t.Fatal(err)
	}
	if err := stranger.Reserve(1); policy.ReasonOf(err) != policy.Overloaded {
		t.Errorf("a stranger got more than a quarter: %v", err)
	}
	if err := customer.Reserve(48 << 10); err != nil {
		t.Errorf("a customer got less than the rest: %v", err)
	}
	if err := customer.Reserve(1); policy.ReasonOf(err) != policy.Overloaded {
		t.Errorf("a customer got more than there is: %v", err)
	}
	stranger.holding.end()
	customer.holding.end()
	if all, unverified := h.bodies.all.Load(), h.bodies.unverified.Load(); all != 0 || unverified != 0 {
		t.Errorf("%d bytes stay in use, %d of them unverified", all, unverified)
	}
}

// A body that the upstream has is let go once it answers, and not before: until
// then the transport may send it again.
func TestHeldBodyIsLetGo(t *testing.T) {
	h := &Handler{}
	x := held(h, 64<<10)
	x.body, x.length = newInboundBody(httptest.NewRecorder(), strings.NewReader("hello"), time.Hour), 5
	if _, err := x.ReadAll(10); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := x.held.open()
		if got, err := io.ReadAll(r); string(got) != "hello" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		_, _ = r.Close(), r.Close()
	}
	late := x.held.open()
	x.held.answer()
	if got, err := io.ReadAll(late); string(got) != "hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if h.bodies.all.Load() == 0 {
		t.Error("the room is given back while the body is read")
	}
	late.Close()
	if used := h.bodies.all.Load(); used != 0 || x.held.content != nil {
		t.Errorf("%d bytes stay in use, %q is kept", used, x.held.content)
	}
	if _, err := late.Read(make([]byte, 1)); err == nil {
		t.Error("a closed reader reads")
	}
}
