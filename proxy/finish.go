package proxy

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"time"

	"postern/gate"
	"postern/policy"
)

// finish ends an exchange: it answers a refusal, counts once and logs once.
// Deferred directly, it also turns a panic of the handler into an answer.
func (x *exchange) finish() {
	fault := recover()
	abort := fault == http.ErrAbortHandler
	if fault != nil && !abort {
		x.failure = &policy.Denial{Reason: policy.Internal}
		// The value may hold anything; its type and the stack tell enough.
		x.handler.log.Error("panic", "request_id", x.request.ID, "type", fmt.Sprintf("%T", fault), "stack", string(debug.Stack()))
	}
	denial := x.outcome()
	status := x.status
	switch {
	case denial == nil:
	case x.status != 0 || abort:
		// Part of an answer is on its way: only the connection can tell.
		abort = true
	case denial.Reason == policy.ClientClosed:
		status, abort = denial.Reason.Status(), true
	default:
		answer := x.decision.Render(denial, x.request.ID)
		status = answer.Status
		x.write(answer)
	}
	x.account(denial, status, time.Now())
	x.writer.end()
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// outcome returns what kept the request from its answer, nil where nothing did.
func (x *exchange) outcome() *policy.Denial {
	if x.failure != nil {
		return x.failure
	}
	return x.decision.Denial
}

// write sends an answer of Postern's own.
func (x *exchange) write(answer gate.Answer) {
	maps.Copy(x.writer.Header(), answer.Header)
	if x.body.failure() != nil && !x.multiplexed {
		// The rest of the body would be taken for the next request.
		x.writer.Header().Set("Connection", "close")
	}
	x.writer.WriteHeader(answer.Status)
	_, _ = x.writer.Write(answer.Body) // the client may be gone; net/http knows a HEAD
}

// account counts and logs the exchange.
func (x *exchange) account(denial *policy.Denial, status int, now time.Time) {
	h := x.handler
	h.metrics.InFlight(-1)
	x.holding.end()
	route := x.state.unrouted
	if runtime := x.route(); runtime != nil {
		route = runtime.metrics
	}
	route.Request(x.method, status, now.Sub(x.began))

	d := &x.decision
	if denial == nil {
		denial = d.Reported
	}
	level := slog.LevelInfo
	if denial != nil {
		level = denial.Reason.Level()
	}
	verdict, reason := x.verdict(denial)
	route.Decision(d.Authenticator, verdict, reason)
	if a := x.state.authenticators[d.Authenticator]; a != nil && !x.decided.IsZero() {
		a.Observe(d.Cache.String(), x.decided.Sub(x.began))
	}
	if d.Verified != nil {
		for _, v := range d.Verified.Members() {
			if a := x.state.authenticators[v.Authenticator]; a != nil && v.SecretID != "" {
				a.SecretUsed(v.SecretID)
			}
		}
	}
	if !x.answered.IsZero() {
		x.route().upstream.metrics.Observe(x.answered.Sub(x.decided))
	}
	var room [maxAttributes]slog.Attr
	h.requests.write(lineKind(level, verdict, status), now, level, x.attributes(room[:0], denial, verdict, reason, status, now))
}

// lineKind is the kind of a request's line.
func lineKind(level slog.Level, verdict string, status int) kind {
	if verdict == "allow" && level <= slog.LevelInfo && status < http.StatusInternalServerError {
		return dispensable
	}
	return due
}

// verdict returns what was decided, and why. A request that an enforcing route
// would have denied is told by that, whatever became of it afterwards.
func (x *exchange) verdict(denial *policy.Denial) (string, policy.Reason) {
	reason := policy.ReasonNone
	if denial != nil {
		reason = denial.Reason
	}
	switch d := &x.decision; {
	case d.Denial != nil || x.decided.IsZero():
		return "deny", reason
	case x.failure != nil && (reason == policy.MalformedRequest || reason == policy.BodyTooLarge):
		return "deny", reason // of the rest of a body that was passed on already
	case x.failure != nil && reason.Status() == http.StatusUnauthorized:
		return "deny", reason // of a stream, whose credential's end came before it
	case d.Reported != nil:
		return "report_deny", d.Reported.Reason
	}
	return "allow", reason
}

// maxAttributes is how many attributes there may be.
const maxAttributes = 15

// attributes appends what is the same for every request, so that a log can be read
// by column; only the explanation of a failure comes on top. Times are in seconds.
func (x *exchange) attributes(list []slog.Attr, denial *policy.Denial, verdict string, reason policy.Reason, status int, now time.Time) []slog.Attr {
	var tenant, credentialID string
	if v := x.decision.Verified; v != nil {
		tenant, credentialID = v.Tenant, v.CredentialID
	}
	var upstream time.Duration
	if !x.answered.IsZero() {
		upstream = x.answered.Sub(x.decided)
	}
	list = append(list,
		slog.String("request_id", x.request.ID),
		slog.String("route", x.routeName()),
		slog.String("method", x.method[:min(len(x.method), maxLoggedMethod)]),
		slog.String("path", x.loggedPath()),
		slog.Int("status", status),
		slog.String("authenticator", x.decision.Authenticator),
		slog.String("tenant", tenant),
		slog.String("credential_id", credentialID),
		slog.String("decision", verdict),
		slog.String("reason", reason.String()),
		slog.Float64("duration", now.Sub(x.began).Seconds()),
		slog.Float64("upstream_duration", upstream.Seconds()),
		slog.String("client", x.clientName()),
	)
	if denial != nil && denial.Detail != "" {
		list = append(list, slog.String("detail", denial.Detail))
	}
	if denial != nil && denial.Err != nil {
		list = append(list, slog.String("error", denial.Err.Error()))
	}
	return list
}

// maxLoggedMethod bounds what a client can write into the log as its method.
const maxLoggedMethod = 32

func (x *exchange) routeName() string {
	if x.decision.Route == nil {
		return "none"
	}
	return x.decision.Route.Name
}

// clientName is empty for a client behind a unix socket, which has no address.
func (x *exchange) clientName() string {
	if !x.client.IsValid() {
		return ""
	}
	return x.client.String()
}

// loggedPath keeps customer ids out of the log unless it was asked for them: a
// path is logged as the pattern that it matched.
func (x *exchange) loggedPath() string {
	if x.state.fullPath {
		return x.request.URL.EscapedPath()
	}
	if pattern := x.decision.Pattern(); pattern != nil {
		return pattern.Path()
	}
	return "none"
}
