package proxy

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// lazyConn writes as Linux does: what there is room for at once, and the rest once a
// third of the buffer is free. Its reader takes a number of bytes in a second.
type lazyConn struct {
	net.Conn
	rate     int
	free     int
	counted  time.Time // when free was right
	deadline time.Time
}

const lazyBuffer = 3 << 20

// SetWriteDeadline implements net.Conn.
func (c *lazyConn) SetWriteDeadline(at time.Time) error {
	c.deadline = at
	return nil
}

// Write implements net.Conn.
func (c *lazyConn) Write(p []byte) (n int, err error) {
	for {
		seconds := int(time.Since(c.counted).Seconds())
		c.free = min(lazyBuffer, c.free+seconds*c.rate)
		c.counted = c.counted.Add(time.Duration(seconds) * time.Second)
		taken := min(c.free, len(p)-n)
		c.free, n = c.free-taken, n+taken
		if n == len(p) {
			return n, nil
		}
		for c.free+int(time.Since(c.counted).Seconds())*c.rate < lazyBuffer/3 {
			if !time.Now().Before(c.deadline) {
				return n, os.ErrDeadlineExceeded
			}
			time.Sleep(min(time.Second, time.Until(c.deadline)))
		}
	}
}

// A client that reads slowly, but steadily, is never taken for one that stands still.
func TestSteadyReader(t *testing.T) {
	for rate, want := range map[int]error{2000: nil, 20_000: nil, 0: os.ErrDeadlineExceeded} {
		synctest.Test(t, func(t *testing.T) {
			c := &steadyConn{Conn: &lazyConn{rate: rate, counted: time.Now()}}
			for range 10 {
				began := time.Now()
				_ = c.SetWriteDeadline(began.Add(writeTimeout))
				n, err := c.Write(piece)
				if !errors.Is(err, want) || want == nil && n != len(piece) || want != nil && time.Since(began) != writeTimeout {
					t.Fatalf("%d bytes a second: wrote %d in %s, %v", rate, n, time.Since(began), err)
				}
			}
		})
	}
}

// A deadline that comes while something is written ends that.
func TestSteadyWriteCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		c := &steadyConn{Conn: ours}
		began := time.Now()
		go func() {
			time.Sleep(time.Hour + lookAgain/2)
			_ = c.SetDeadline(time.Now().Add(lookAgain / 4))
		}()
		if n, err := c.Write(piece); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Hour+lookAgain*3/4 {
			t.Errorf("%d bytes, %v after %s", n, err, time.Since(began))
		}
	})
}

// armedConn counts how often its deadline of writing is set. It takes everything
// that is written before that.
type armedConn struct {
	net.Conn
	deadline time.Time
	armed    int
}

// SetWriteDeadline implements net.Conn.
func (c *armedConn) SetWriteDeadline(at time.Time) error {
	c.deadline = at
	c.armed++
	return nil
}

// Write implements net.Conn.
func (c *armedConn) Write(p []byte) (int, error) {
	if !time.Now().Before(c.deadline) {
		return 0, os.ErrDeadlineExceeded
	}
	return len(p), nil
}

// Deadlines that nobody waits for set no timer, and one that is set serves writes
// for a while.
func TestSteadyDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &armedConn{}
		c := &steadyConn{Conn: below}
		expect := func(armed int, left time.Duration) {
			t.Helper()
			if got := time.Until(below.deadline); below.armed != armed || got != left {
				t.Errorf("set %d times, %s left; want %d, %s", below.armed, got, armed, left)
			}
		}
		write := func(patience time.Duration, want error) {
			t.Helper()
			deadline := time.Time{}
			if patience != 0 {
				deadline = time.Now().Add(patience)
			}
			_ = c.SetWriteDeadline(deadline)
			if _, err := c.Write(piece); err != want {
				t.Error(err)
			}
		}
		for range 10 {
			_ = c.SetWriteDeadline(time.Now().Add(writeTimeout))
		}
		expect(0, time.Until(time.Time{}))
		for range lookAgain / 2 / time.Millisecond {
			write(writeTimeout, nil)
			expect(1, time.Until(below.deadline))
			time.Sleep(time.Millisecond)
		}
		write(0, nil)
		expect(1, lookAgain/2)
		time.Sleep(time.Nanosecond)
		write(0, nil)
		expect(2, lookAgain)
		write(lookAgain/4, nil) // sooner than what is set
		expect(3, lookAgain/4)
		write(lookAgain/4, nil)
		expect(3, lookAgain/4)
		write(lookAgain/3, nil) // later, but not by much
		expect(4, lookAgain/3)
		write(writeTimeout, nil) // what is set would come too soon
		expect(5, lookAgain)
		write(-1, os.ErrDeadlineExceeded)
		expect(6, -1)
		time.Sleep(time.Hour)
		write(writeTimeout, nil)
		expect(7, lookAgain)
	})
}
