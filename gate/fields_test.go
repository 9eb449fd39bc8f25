package gate_test

import (
	"testing"

	"postern/policy"
)

// TestHeadersThatCanBeReadInTwoWays refuses other spellings of headers that a
// rule or carrier of any route reads, even where nothing else is wrong.
func TestHeadersThatCanBeReadInTwoWays(t *testing.T) {
	g := newGate(t,
		route(t, "/public", []string{"anonymous"}),
		route(t, "/app", []string{"key"}, rule{identity: "attributes.project", request: "header.X-Project-Id", optional: true}),
		route(t, "/cookie", []string{"customer"}, rule{request: "cookie.sid", optional: true}),
	)
	for line, want := range map[string]policy.Reason{
		"Accept: */*":                                       policy.ReasonNone,
		"X_Anything: 1":                                     policy.ReasonNone,
		"X-Project-Id: acme":                                policy.ReasonNone,
		"x-project-id: acme":                                policy.ReasonNone,
		"X-Projectid: other":                                policy.ReasonNone,
		"X_Project_Id: other":                               policy.MalformedRequest,
		"x_project-id: other":                               policy.MalformedRequest,
		"X.Project.Id: other":                               policy.MalformedRequest,
		"X-Project!Id:":                                     policy.MalformedRequest,
		"X_Api_Key: " + apiKey:                              policy.MalformedRequest,
		"X-Api_Key: ":                                       policy.MalformedRequest,
		"Authorization: Token x":                            policy.ReasonNone, // removed on a public route
		"Connection: close":                                 policy.ReasonNone,
		"Connection: Keep-Alive":                            policy.ReasonNone,
		"Connection: upgrade":                               policy.ReasonNone,
		"Connection: TE, close":                             policy.ReasonNone,
		"Connection: ":                                      policy.ReasonNone,
		"Connection: ,, close ,":                            policy.ReasonNone,
		"Connection: HTTP2-Settings, Proxy-Connection":      policy.ReasonNone,
		"Connection: X-Customer-Id":                         policy.MalformedRequest,
		"Connection: close, X-Customer-Id":                  policy.MalformedRequest,
		"Connection: close,\tauthorization":                 policy.MalformedRequest,
		"Connection: close\r\nConnection: cookie":           policy.MalformedRequest,
		"Connection: close x":                               policy.MalformedRequest,
		"Connection: \"close\"":                             policy.MalformedRequest,
		"Authorization: Token x\r\nAuthorization: Token x":  policy.MalformedRequest,
		"Authorization: Token x\r\nauthorization: Bearer y": policy.MalformedRequest,
		"Authorization:\r\nAuthorization:":                  policy.MalformedRequest,
		"Proxy-Authorization: a\r\nProxy-Authorization: b":  policy.ReasonNone, // nobody reads it
	} {
		if got := verdictOf(decide(t, g, "GET /public", line)).Reason; got != want {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
}
