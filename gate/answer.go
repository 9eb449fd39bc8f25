package gate

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"postern/authn"
	"postern/policy"
)

// Answer is a refusal as the client receives it.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Answer renders the decision's own denial.
func (d *Decision) Answer(requestID string) Answer { return d.Render(d.Denial, requestID) }

// Render turns a denial into the answer in the route's format, with the
// challenges of RFC 9110, section 11.6.1, where another credential could help.
// The headers are the same in every format. It serves failures outside of the
// decision, too. Nothing private of the denial is in it.
func (d *Decision) Render(denial *policy.Denial, requestID string) Answer {
	reason, status := denial.Reason, d.denials.Status(denial.Reason)
	body := d.denials.Body(denial, requestID)
	h := http.Header{
		"Content-Type":           {d.denials.ContentType()},
		"Content-Length":         {strconv.Itoa(len(body))},
		"Cache-Control":          {"no-store"},
		"X-Content-Type-Options": {"nosniff"},
		"Postern-Reason":         {reason.String()},
	}
	if reason.Status() == http.StatusUnauthorized || status == http.StatusUnauthorized || reason == policy.InsufficientScope {
		h["Www-Authenticate"] = d.challenges(denial)
	}
	if after := retryAfter(denial); after > 0 {
		h["Retry-After"] = []string{strconv.Itoa(int(math.Ceil(after.Seconds())))}
	}
	if denial.Allow != "" {
		h["Allow"] = []string{denial.Allow}
	}
	d.ApplyCORS(h)
	return Answer{Status: status, Header: h, Body: body}
}

// retryAfter returns when it is worth another try, 0 for never: a key is looked
// up within a second, an outage takes longer.
func retryAfter(denial *policy.Denial) time.Duration {
	switch {
	case denial.RetryAfter > 0:
		return denial.RetryAfter
	case denial.Reason == policy.KeysPending:
		return time.Second
	case denial.Reason.Unavailable():
		return 5 * time.Second
	}
	return 0
}

// What stands in a challenge for a credential without a scheme, and for one that
// is none of HTTP: every 401 needs a challenge (RFC 9110, section 15.5.2).
const (
	bareScheme        = "ApiKey"
	certificateScheme = "Certificate"
)

func challengeScheme(c authn.Carrier) string {
	switch {
	case c.Certificate:
		return certificateScheme
	case c.Scheme == "":
		return bareScheme
	}
	return c.Scheme
}

// challenges names each scheme that the route accepts. The one whose token was
// sent says what is wrong with it (RFC 6750, section 3).
func (d *Decision) challenges(denial *policy.Denial) []string {
	if d.compiled == nil {
		return nil
	}
	list := make([]string, 0, len(d.compiled.challenges))
	for _, scheme := range d.compiled.challenges {
		challenge := scheme + ` realm="postern"`
		code := denial.Reason.ChallengeError()
		if code != "" && d.carrier != (authn.Carrier{}) && scheme == challengeScheme(d.carrier) {
			challenge += `, error="` + code + `", error_description="` + quotable(denial.Sentence()) + `"`
		}
		list = append(list, challenge)
	}
	return list
}

// quotable keeps what RFC 6750, section 3, allows in an error_description.
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\':
			return '\''
		case r < ' ' || r > '~':
			return -1
		}
		return r
	}, s)
}
