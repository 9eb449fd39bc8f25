package gate_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/gate"
	"postern/policy"
)

// Routes that are alike share what is compiled of them: here each differs from the
// first in one thing alone, which must not be lost.
func TestRoutesThatAreNearlyAlike(t *testing.T) {
	yes := true
	inBody := rule{identity: "attributes.project", request: "body.project"}
	settings := []policy.RouteSettings{
		route(t, "/json", []string{"project"}, inBody),
		route(t, "/forward", []string{"project"}, inBody),
		route(t, "/form", []string{"project"}, inBody),
		route(t, "/other", []string{"project"}, rule{identity: "attributes.project", request: "body.tenant"}),
		route(t, "/key", []string{"key"}, inBody),
	}
	settings[1].ForwardCredential = &yes
	settings[2].Body = policy.FormBody
	g := newGate(t, settings...)
	ask := func(path, field, media, body string) (policy.Reason, http.Header) {
		r := request(t, "POST "+path, field, "Content-Type: "+media)
		r.Body = gate.Bytes(body)
		var d gate.Decision
		g.Decide(t.Context(), r, &d)
		if d.Denial != nil {
			return d.Denial.Reason, nil
		}
		out, target := r.Header.Clone(), *r.URL
		d.Outbound(out, &target)
		out.Del("Content-Type")
		return policy.ReasonNone, out
	}
	const json, form = "application/json", "application/x-www-form-urlencoded"
	const bearer, key = "Authorization: Token " + projectToken, "X-Api-Key: " + apiKey
	level := http.Header{"X-Auth-Level": {"application"}}
	for _, test := range []struct {
		path, field, media, body string
		reason                   policy.Reason
		header                   http.Header
	}{
		{"/json", bearer, json, `{"project":"acme"}`, policy.ReasonNone, level},
		{"/json", bearer, form, "project=acme", policy.MalformedBody, nil},
		{"/json", key, json, `{"project":"acme"}`, policy.MissingCredential, nil},
		{"/forward", bearer, json, `{"project":"acme"}`, policy.ReasonNone, http.Header{
			"X-Auth-Level": {"application"}, "Authorization": {"Token " + projectToken},
		}},
		{"/form", bearer, form, "project=acme", policy.ReasonNone, level},
		{"/form", bearer, json, `{"project":"acme"}`, policy.MalformedBody, nil},
		{"/other", bearer, json, `{"project":"acme"}`, policy.IdentityMissing, nil},
		{"/other", bearer, json, `{"tenant":"acme"}`, policy.ReasonNone, level},
		{"/key", key, json, `{"project":"acme"}`, policy.ReasonNone, level},
		{"/key", bearer, json, `{"project":"acme"}`, policy.MissingCredential, nil},
	} {
		reason, header := ask(test.path, test.field, test.media, test.body)
		if diff := cmp.Diff(test.header, header); reason != test.reason || diff != "" {
			t.Errorf("%s %s %s: %v, want %v %s", test.path, test.field, test.body, reason, test.reason, diff)
		}
	}
}
