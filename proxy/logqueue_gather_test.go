package proxy

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// writes takes note of when it was written how many lines.
type writes struct {
	began time.Time
	list  []string
	took  time.Duration
}

// Write implements io.Writer.
func (w *writes) Write(p []byte) (int, error) {
	w.list = append(w.list, fmt.Sprintf("%s %d", time.Since(w.began), strings.Count(string(p), "\n")))
	time.Sleep(w.took)
	return len(p), nil
}

// A line after a silence is written at once, those soon after a write are gathered
// for a while or until they are many, and none is left behind.
func TestLogGathers(t *testing.T) {
	type pause = time.Duration
	line := []byte(strings.Repeat("x", 1<<10-1) + "\n")
	many := gatherBytes / len(line)
	for name, test := range map[string]struct {
		took  time.Duration
		steps []any // lines, or a pause
		want  []string
	}{
		"after a silence": {0, []any{1, pause(time.Hour), 1}, []string{"0s 1", "1h0m0s 1"}},
		"soon after":      {0, []any{1, pause(time.Millisecond), 2, pause(48 * time.Millisecond), 3, pause(time.Second)}, []string{"0s 1", "50ms 5"}},
		"again": {0, []any{1, pause(time.Millisecond), 1, pause(50 * time.Millisecond), 1, pause(time.Second), 1, pause(time.Second)},
			[]string{"0s 1", "50ms 1", "100ms 1", "1.051s 1"}},
		"many":         {0, []any{1, pause(time.Millisecond), many, pause(time.Millisecond), 1, pause(time.Second)}, []string{"0s 1", fmt.Sprint("1ms ", many), "51ms 1"}},
		"a slow write": {time.Second, []any{1, pause(time.Millisecond), 1, pause(500 * time.Millisecond), 1, pause(time.Hour)}, []string{"0s 1", "1.05s 2"}},
		"the end":      {0, []any{1, pause(time.Millisecond), 2}, []string{"0s 1", "1ms 2"}},
		"nothing":      {0, []any{pause(time.Hour)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := &writes{began: time.Now(), took: test.took}
				q := NewLogQueue(out)
				synctest.Wait()
				for _, step := range test.steps {
					switch step := step.(type) {
					case pause:
						time.Sleep(step)
					case int:
						for range step {
							q.put(event, line)
						}
					}
					synctest.Wait()
				}
				q.Close(t.Context())
				if diff := cmp.Diff(test.want, out.list); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
