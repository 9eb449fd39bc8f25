package gate

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

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

// Render turns a denial into problem details (RFC 9457), with the challenges
// of RFC 9110, section 11.6.1, where another credential could help. It serves
// failures after the decision, too. Nothing private of the denial is in it.
func (d *Decision) Render(denial *policy.Denial, requestID string) Answer {
	reason := denial.Reason
	h := http.Header{
		"Content-Type":           {"application/problem+json"},
		"Cache-Control":          {"no-store"},
		"X-Content-Type-Options": {"nosniff"},
		"Postern-Reason":         {reason.String()},
	}
	switch {
	case reason.Status() == http.StatusUnauthorized || reason == policy.InsufficientScope:
		h["Www-Authenticate"] = d.challenges(denial)
	case reason.Unavailable():
		h["Retry-After"] = []string{retryAfter(reason)}
	case denial.Allow != "":
		h["Allow"] = []string{denial.Allow}
	}
	body := problem(denial, requestID)
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	return Answer{Status: reason.Status(), Header: h, Body: body}
}

// retryAfter is in seconds: a key is looked up within one, an outage takes
// longer.
func retryAfter(reason policy.Reason) string {
	if reason == policy.KeysPending {
		return "1"
	}
	return "5"
}

func problem(denial *policy.Denial, requestID string) []byte {
	reason := denial.Reason
	b := make([]byte, 0, 320)
	b = append(b, `{"type":"urn:postern:reason:`...)
	b = append(b, reason.String()...)
	b = append(b, `","title":`...)
	b = appendString(b, reason.Title())
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(reason.Status()), 10)
	b = append(b, `,"detail":`...)
	b = appendString(b, detail(denial))
	b = append(b, `,"reason":"`...)
	b = append(b, reason.String()...)
	b = append(b, `","request_id":`...)
	b = appendString(b, requestID)
	if reason == policy.TokenExpired {
		b = append(b, `,"token_expired":true`...)
	}
	return append(b, "}\n"...)
}

func appendString(b []byte, s string) []byte {
	quoted, _ := jsontext.AppendQuote(b, s) // its error is invalid UTF-8, which it has replaced
	return quoted
}

func detail(denial *policy.Denial) string {
	if denial.Detail != "" {
		return denial.Detail
	}
	return denial.Reason.Title()
}

// bareScheme stands in a challenge for a credential without a scheme.
const bareScheme = "ApiKey"

func challengeScheme(c authn.Carrier) string {
	if c.Scheme == "" {
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
		if code != "" && d.carrier.Header != "" && scheme == challengeScheme(d.carrier) {
			challenge += `, error="` + code + `", error_description="` + quotable(detail(denial)) + `"`
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
