package main

import (
	_ "embed"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

//go:embed testdata/e2e/reasons.yaml
var reasonsYAML string

// statuses is the contract's table of reasons.
var statuses = map[policy.Reason]int{
	policy.MalformedRequest: 400, policy.AmbiguousPath: 400, policy.MalformedBody: 400,

	policy.MissingCredential: 401, policy.MalformedCredential: 401, policy.UnknownToken: 401, policy.UnknownKey: 401,
	policy.AlgorithmNotAllowed: 401, policy.BadSignature: 401, policy.TokenExpired: 401, policy.TokenNotYetValid: 401,
	policy.IssuedInFuture: 401, policy.LifetimeTooLong: 401, policy.TokenTooOld: 401, policy.WrongIssuer: 401,
	policy.WrongAudience: 401, policy.MissingClaim: 401, policy.ClaimNotAllowed: 401, policy.Revoked: 401,
	policy.InactiveToken: 401,

	policy.IdentityMismatch: 403, policy.IdentityMissing: 403, policy.InsufficientScope: 403,
	policy.InsufficientLevel: 403, policy.OriginNotAllowed: 403,

	policy.NoRoute: 404, policy.MethodNotAllowed: 405, policy.BodyTooLarge: 413, policy.TooManyFailures: 429,

	policy.UpstreamUnreachable: 502, policy.UpstreamInvalid: 502, policy.UpstreamTimeout: 504,

	policy.KeysUnavailable: 503, policy.KeysPending: 503, policy.IntrospectionUnavailable: 503,
	policy.ProfileUnavailable: 503, policy.Overloaded: 503, policy.ShuttingDown: 503,

	policy.Internal: 500, policy.ClientClosed: 499,
}

// refusal is a request that must fail, and everything that must come of it.
type refusal struct {
	name   string // what is special, where a reason stands more than once
	reason policy.Reason

	method, target string // GET unless told
	fields         []string
	body           string
	// provoke sends the request where an ordinary client cannot; no answer
	// means that the client had gone.
	provoke func(t *testing.T, w *world) *answer

	detail        string   // the reason's public sentence unless told
	scheme        string   // of the challenge that says what is wrong
	challenge     []string // where there is another
	allow         string
	retryAfter    string
	route         string // none unless told, and so on
	path          string
	authenticator string
	credential    string
	level         string // INFO unless told
	cause         string // in the log only
	reached       *spy   // the backend that received the request
}

// world is what the refusals happen in.
type world struct {
	*testbed
	data, hung *spy
	idp        *issuer
	oracle     *oracle
}

func newWorld(t *testing.T) *world {
	w := &world{data: newSpy(t, nil), idp: newIssuer(t, "k1"), oracle: newOracle(t)}
	w.hung = newSpy(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	garbage := newRogue(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1))
		_, _ = c.Write([]byte("this is no HTTP\r\n\r\n"))
	})
	revoked := filepath.Join(t.TempDir(), "revoked.yaml")
	if err := os.WriteFile(revoked, []byte("- { key_id: lost }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.testbed = start(t, reasonsYAML, map[string]string{
		"REVOKED": revoked, "DATA": w.data.URL, "ORACLE": w.oracle.URL, "HUNG": w.hung.URL, "IDP": w.idp.URL, "DEAD": deadAddress(t), "GARBAGE": garbage,
	})
	w.log.next(t, "keys loaded")
	return w
}

func TestReasons(t *testing.T) {
	w := newWorld(t)
	provoked := map[policy.Reason]bool{}
	for _, r := range refusals(t, w) {
		provoked[r.reason] = true
		t.Run(r.reason.String()+" "+r.name, func(t *testing.T) { r.check(t, w) })
	}
	for _, reason := range policy.Reasons() {
		if reason.Status() != statuses[reason] {
			t.Errorf("%s: status %d, want %d", reason, reason.Status(), statuses[reason])
		}
		if !provoked[reason] {
			t.Errorf("%s: nothing provokes it", reason)
		}
	}
}

var counted = []string{"requests_total", "decisions_total"}

func (r *refusal) check(t *testing.T, w *world) {
	r.complete()
	before := w.metrics(counted...)
	var got *answer
	if r.provoke != nil {
		got = r.provoke(t, w)
	} else {
		a := w.exchange(w.request(r.method, r.target, strings.NewReader(r.body), r.fields...))
		got = &a
	}
	logged := w.log.next(t, "request")
	id := takeID(t, logged)
	if r.reason != policy.ClientClosed {
		r.checkAnswer(t, got, id)
	}
	r.checkLog(t, logged)

	verdict := "deny"
	if r.afterDecision() {
		verdict = "allow"
	}
	if diff := cmp.Diff(map[string]float64{
		labelled("requests_total", "code", strconv.Itoa(statuses[r.reason]), "method", r.method, "route", r.route):                                    1,
		labelled("decisions_total", "authenticator", or(r.authenticator, "none"), "decision", verdict, "reason", r.reason.String(), "route", r.route): 1,
	}, grown(before, w.metrics(counted...))); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	if r.reached != nil {
		r.reached.next(t)
	}
	w.data.expectNone(t)
	w.hung.expectNone(t)
}

func (r *refusal) complete() {
	r.method, r.detail = or(r.method, http.MethodGet), or(r.detail, r.reason.Title())
	r.route, r.path, r.level = or(r.route, "none"), or(r.path, "none"), or(r.level, "INFO")
	// RFC 6750, section 3.1.
	code := "invalid_token"
	switch {
	case r.scheme == "":
		return
	case r.reason == policy.InsufficientScope:
		code = "insufficient_scope"
	case statuses[r.reason] != http.StatusUnauthorized:
		return
	}
	r.challenge = []string{r.scheme + ` realm="postern", error="` + code + `", error_description="` + r.detail + `"`}
}

// afterDecision reports whether the request was allowed and failed then.
func (r *refusal) afterDecision() bool {
	status := statuses[r.reason]
	return status == 502 || status == 504 || status == 499
}

func (r *refusal) checkAnswer(t *testing.T, got *answer, id string) {
	t.Helper()
	status := statuses[r.reason]
	header := http.Header{
		"Content-Type":           {"application/problem+json"},
		"Cache-Control":          {"no-store"},
		"Postern-Reason":         {r.reason.String()},
		"X-Content-Type-Options": {"nosniff"},
	}
	for name, values := range map[string][]string{
		"Www-Authenticate": r.challenge, "Allow": {r.allow}, "Retry-After": {r.retryAfter},
	} {
		if strings.Join(values, "") != "" {
			header[name] = values
		}
	}
	problem := map[string]any{
		"type":       "urn:postern:reason:" + r.reason.String(),
		"title":      r.reason.Title(),
		"status":     float64(status),
		"detail":     r.detail,
		"reason":     r.reason.String(),
		"request_id": id,
	}
	if r.reason == policy.TokenExpired {
		problem["token_expired"] = true
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Errorf("body %q: %v", got.body, err)
	}
	if n := got.header.Get("Content-Length"); n != strconv.Itoa(len(got.body)) {
		t.Errorf("Content-Length %s of a body of %d bytes", n, len(got.body))
	}
	got.header.Del("Content-Length")
	got.header.Del("Date")
	if diff := cmp.Diff([]any{status, header, problem}, []any{got.status, got.header, body}); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func (r *refusal) checkLog(t *testing.T, got record) {
	t.Helper()
	if _, err := time.Parse(time.RFC3339Nano, got["time"].(string)); err != nil {
		t.Errorf("log: %v", err)
	}
	if d, ok := got["duration"].(float64); !ok || d <= 0 {
		t.Errorf("log: duration %v", got["duration"])
	}
	if d, _ := got["upstream_duration"].(float64); (d > 0) != (r.reason == policy.UpstreamTimeout) {
		t.Errorf("log: upstream_duration %v", d)
	}
	if cause, _ := got["error"].(string); r.cause == "" && cause != "" || !strings.Contains(cause, r.cause) {
		t.Errorf("log: error %q, want %q", cause, r.cause)
	}
	for _, name := range []string{"time", "duration", "upstream_duration", "error"} {
		delete(got, name)
	}
	want := record{
		"level": r.level, "msg": "request", "route": r.route, "method": r.method, "path": r.path,
		"status": float64(statuses[r.reason]), "authenticator": r.authenticator, "tenant": "", "credential_id": r.credential,
		"decision": "deny", "reason": r.reason.String(), "client": "127.0.0.1",
	}
	if r.afterDecision() {
		want["decision"] = "allow"
	}
	if r.detail != r.reason.Title() {
		want["detail"] = r.detail
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// takeID removes the request's id from its record.
func takeID(t *testing.T, logged record) string {
	t.Helper()
	id, _ := logged["request_id"].(string)
	if id == "" {
		t.Error("log: no request_id")
	}
	delete(logged, "request_id")
	return id
}

// labelled returns a sample as the exposition writes it.
func labelled(family string, pairs ...string) string {
	var labels []string
	for i := 0; i < len(pairs); i += 2 {
		labels = append(labels, pairs[i]+"="+strconv.Quote(pairs[i+1]))
	}
	return family + "{" + strings.Join(labels, ",") + "}"
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
