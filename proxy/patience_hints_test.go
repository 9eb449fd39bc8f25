package proxy

import (
	"bufio"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What net/http writes by itself long after early hints is not cut off by their bound.
func TestContinueAfterHints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := answering(t, func(p *patientWriter, r *http.Request) {
			p.WriteHeader(http.StatusEarlyHints)
			time.Sleep(time.Hour)
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			_, _ = p.Write(body)
		})
		go io.WriteString(client, expecting)
		answers := bufio.NewReader(client)
		var got []int
		for range 3 {
			response, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(got, err)
			}
			got = append(got, response.StatusCode)
		}
		if diff := cmp.Diff([]int{http.StatusEarlyHints, http.StatusContinue, http.StatusOK}, got); diff != "" {
			t.Error(diff)
		}
	})
}
