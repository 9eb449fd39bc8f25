package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const durationsYAML = anyPort + `
upstreams:
  data: { url: "${DATA}" }
  late: { url: "${HUNG}", response_header_timeout: 100ms }
  dead: { url: "http://${DEAD}" }
authenticators:
  token: { type: token, scheme: Token, tokens: [{ id: t, value: token-secret }] }
routes:
  - { name: data, match: /data, upstream: data, authenticate: [token] }
  - { name: late, match: /late, upstream: late, authenticate: [anonymous] }
  - { name: hasty, match: /hasty, upstream: data, authenticate: [anonymous], timeout: 100ms }
  - { name: dead, match: /dead, upstream: dead, authenticate: [anonymous] }
`

// Each request and decision is measured once, and each upstream that answered
// or ran out of time.
func TestDurations(t *testing.T) {
	data := newSpy(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hasty" {
			<-r.Context().Done()
		}
		time.Sleep(30 * time.Millisecond)
	})
	hung := newSpy(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	b := start(t, durationsYAML, map[string]string{"DATA": data.URL, "HUNG": hung.URL, "DEAD": deadAddress(t)})
	counts := []string{"request_duration_seconds_count", "decision_duration_seconds_count", "upstream_duration_seconds_count"}
	for _, test := range []struct {
		target, field string
		want          map[string]float64 // what has grown by one
		atLeast       map[string]float64 // by how many seconds what has grown
	}{
		{"/data", "Authorization: Token token-secret", map[string]float64{
			`request_duration_seconds_count{route="data"}`:                        1,
			`decision_duration_seconds_count{authenticator="token",cache="none"}`: 1,
			`upstream_duration_seconds_count{upstream="data"}`:                    1,
		}, map[string]float64{`request_duration_seconds_sum{route="data"}`: 0.03, `upstream_duration_seconds_sum{upstream="data"}`: 0.03}},
		{"/data", "Authorization: Token guess", map[string]float64{
			`request_duration_seconds_count{route="data"}`:                        1,
			`decision_duration_seconds_count{authenticator="token",cache="none"}`: 1,
		}, nil},
		{"/elsewhere", "", map[string]float64{
			`request_duration_seconds_count{route="none"}`:                       1,
			`decision_duration_seconds_count{authenticator="none",cache="none"}`: 1,
		}, nil},
		{"/late", "", map[string]float64{
			`request_duration_seconds_count{route="late"}`:                            1,
			`decision_duration_seconds_count{authenticator="anonymous",cache="none"}`: 1,
			`upstream_duration_seconds_count{upstream="late"}`:                        1,
		}, map[string]float64{`request_duration_seconds_sum{route="late"}`: 0.1, `upstream_duration_seconds_sum{upstream="late"}`: 0.1}},
		{"/hasty", "", map[string]float64{
			`request_duration_seconds_count{route="hasty"}`:                           1,
			`decision_duration_seconds_count{authenticator="anonymous",cache="none"}`: 1,
			`upstream_duration_seconds_count{upstream="data"}`:                        1,
		}, map[string]float64{`request_duration_seconds_sum{route="hasty"}`: 0.1}},
		{"/dead", "", map[string]float64{
			`request_duration_seconds_count{route="dead"}`:                            1,
			`decision_duration_seconds_count{authenticator="anonymous",cache="none"}`: 1,
		}, nil},
	} {
		sums := []string{"request_duration_seconds_sum", "upstream_duration_seconds_sum"}
		before, sumsBefore := b.metrics(counts...), b.metrics(sums...)
		var fields []string
		if test.field != "" {
			fields = []string{test.field}
		}
		b.send(http.MethodGet, test.target, fields...)
		b.log.next(t, "request")
		if diff := cmp.Diff(test.want, grown(before, b.metrics(counts...))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.target, diff)
		}
		took := grown(sumsBefore, b.metrics(sums...))
		for name, least := range test.atLeast {
			if took[name] < least {
				t.Errorf("%s: %s has grown by %v", test.target, name, took[name])
			}
		}
	}
}
