package gate_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"runtime"
	"strings"
	"testing"

	"postern/gate"
	"postern/policy"
)

// sent is the body of a request, which has arrived.
type sent []byte

// ReadAll implements gate.Body.
func (s sent) ReadAll(limit int64) ([]byte, error) { return s.Buffer(bytes.NewReader(s), limit) }

// Buffer implements gate.Body.
func (s sent) Buffer(r io.Reader, limit int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(content)) > limit {
		return nil, policy.Deny(policy.BodyTooLarge, "")
	}
	return content, err
}

// Reserve implements gate.Body.
func (s sent) Reserve(int64) error { return nil }

// unread is a body that nobody may ask for.
type unread struct{ t testing.TB }

// ReadAll implements gate.Body.
func (u unread) ReadAll(int64) ([]byte, error) {
	u.t.Error("the body is read")
	return nil, nil
}

// Buffer implements gate.Body.
func (u unread) Buffer(io.Reader, int64) ([]byte, error) { return u.ReadAll(0) }

// Reserve implements gate.Body.
func (u unread) Reserve(int64) error { return nil }

// post decides about a POST with a body.
func post(t testing.TB, g *gate.Gate, target, body string, header ...string) *gate.Decision {
	t.Helper()
	r := request(t, "POST "+target, header...)
	r.Body = sent(body)
	d := new(gate.Decision)
	g.Decide(t.Context(), r, d)
	return d
}

func zipped(t testing.TB, parts ...string) string {
	t.Helper()
	var b bytes.Buffer
	for _, part := range parts {
		z := gzip.NewWriter(&b)
		if _, err := io.WriteString(z, part); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

const (
	asJSON = "Content-Type: application/json"
	asForm = "Content-Type: application/x-www-form-urlencoded"
	asGzip = "Content-Encoding: gzip"
)

func bodyGate(t testing.TB) *gate.Gate {
	t.Helper()
	form := route(t, "/form", []string{"customer"}, rule{request: "body.id"}, rule{request: `body["ids[]"]`, optional: true})
	form.Body = "form"
	small := route(t, "/small", []string{"customer"}, rule{request: "body.id"})
	small.BodyLimit = new(policy.Size(1000))
	return newGate(t, form, small,
		route(t, "/json", []string{"customer"}, rule{request: "body.id"}),
		route(t, "/optional", []string{"customer"}, rule{request: "body.a.id", optional: true}),
		route(t, "/unread", []string{"customer"}),
		route(t, "/when", []string{"customer"}, rule{request: "body.id", when: []policy.Level{policy.Application}}),
	)
}

func TestBodyEncodings(t *testing.T) {
	g, ann := bodyGate(t), bearer(t, "ann")
	const (
		allow     = policy.ReasonNone
		malformed = policy.MalformedBody
		large     = policy.BodyTooLarge
	)
	kind := func(value string) []string { return []string{"Content-Type: " + value} }
	body := `{"id":"ann"}`
	gz := zipped(t, body)
	for _, test := range []struct {
		name, target, body string
		header             []string
		want               policy.Reason
	}{
		{"JSON", "/json", body, []string{asJSON}, allow},
		{"a type of its own", "/json", body, kind("application/vnd.acme.v2+JSON; charset=UTF-8; x=y"), allow},
		{"text/json", "/json", body, kind("text/json"), allow},
		{"quoted charset", "/json", body, kind(`application/json;charset="utf-8"`), allow},
		{"utf8", "/json", body, kind("application/json; charset=utf8"), allow},
		{"no type", "/json", body, nil, malformed},
		{"an empty type", "/json", body, kind(""), malformed},
		{"two types", "/json", body, []string{asJSON, asJSON}, malformed},
		{"two types in one", "/json", body, kind("application/json, text/plain"), malformed},
		{"two types after a parameter", "/json", body, kind("application/json; a=b, text/plain"), malformed},
		{"two types after the charset", "/json", body, kind("text/plain; charset=utf-8, application/json"), malformed},
		{"text", "/json", body, kind("text/plain"), malformed},
		{"a type that begins alike", "/json", body, kind("application/jsonp"), malformed},
		{"json as a parameter", "/json", body, kind("text/plain; a=/json"), malformed},
		{"a form by its type", "/json", body, kind("application/x-www-form-urlencoded+json"), malformed},
		{"a form by a parameter", "/json", body, kind("application/json; x=URLencoded"), malformed},
		{"parts by the type", "/json", body, kind("multipart/json; boundary=x"), malformed},
		{"parts by a parameter", "/json", body, kind(`application/json; x="multipart/form-data"; boundary=x`), malformed},
		{"a profile", "/json", body, kind(`application/vnd.api+json; ext="https://jsonapi.org/ext/version"`), allow},
		{"a space in the type", "/json", body, kind("application / json"), malformed},
		{"a form for JSON", "/json", "id=ann", []string{asForm}, malformed},
		{"multipart", "/json", body, kind("multipart/form-data; boundary=x"), malformed},
		{"UTF-16", "/json", body, kind("application/json; charset=utf-16"), malformed},
		{"Latin-1", "/json", body, kind("application/json; charset=iso-8859-1"), malformed},
		{"two charsets", "/json", body, kind("application/json; charset=utf-8; charset=utf-16"), malformed},
		{"an extended charset", "/json", body, kind("application/json; charset*=utf-8''utf-16"), malformed},
		{"an extended charset that cannot be read", "/json", body, kind("application/json; charset*=utf-16"), malformed},
		{"a hidden charset", "/json", body, kind(`application/json; a="b; charset=utf-8"; charset=utf-16`), malformed},

		{"identity", "/json", body, []string{asJSON, "Content-Encoding: Identity"}, allow},
		{"gzip", "/json", gz, []string{asJSON, asGzip}, allow},
		{"gzip in capitals", "/json", gz, []string{asJSON, "Content-Encoding: GZIP"}, allow},
		{"gzip of another customer", "/json", zipped(t, `{"id":"bob"}`), []string{asJSON, asGzip}, policy.IdentityMismatch},
		{"gzip untold", "/json", gz, []string{asJSON}, malformed},
		{"gzip told of what is none", "/json", body, []string{asJSON, asGzip}, malformed},
		{"x-gzip", "/json", gz, []string{asJSON, "Content-Encoding: x-gzip"}, malformed},
		{"deflate", "/json", gz, []string{asJSON, "Content-Encoding: deflate"}, malformed},
		{"br", "/json", body, []string{asJSON, "Content-Encoding: br"}, malformed},
		{"gzip twice in one", "/json", zipped(t, gz), []string{asJSON, "Content-Encoding: gzip, gzip"}, malformed},
		{"gzip twice", "/json", zipped(t, gz), []string{asJSON, asGzip, asGzip}, malformed},
		{"two encodings", "/json", gz, []string{asJSON, "Content-Encoding: identity", asGzip}, malformed},
		{"an empty encoding", "/json", body, []string{asJSON, "Content-Encoding:"}, malformed},
		{"two members", "/json", zipped(t, body, ""), []string{asJSON, asGzip}, malformed},
		{"two members, the customer in the second", "/json", zipped(t, `{"id":`, `"ann"}`), []string{asJSON, asGzip}, malformed},
		{"garbage after gzip", "/json", gz + "x", []string{asJSON, asGzip}, malformed},
		{"zeros after gzip", "/json", gz + "\x00\x00", []string{asJSON, asGzip}, malformed},
		{"gzip cut short", "/json", gz[:len(gz)-1], []string{asJSON, asGzip}, malformed},
		{"gzip without its data", "/json", gz[:10], []string{asJSON, asGzip}, malformed},
		{"gzip with a wrong checksum", "/json", gz[:len(gz)-8] + "\x00\x00\x00\x00" + gz[len(gz)-4:], []string{asJSON, asGzip}, malformed},
		{"gzip of nothing", "/json", zipped(t, ""), []string{asJSON, asGzip}, malformed},

		{"at the limit", "/small", body + strings.Repeat(" ", 1000-len(body)), []string{asJSON}, allow},
		{"over the limit", "/small", body + strings.Repeat(" ", 1001-len(body)), []string{asJSON}, large},
		{"at the limit once decoded", "/small", zipped(t, body+strings.Repeat(" ", 1000-len(body))), []string{asJSON, asGzip}, allow},
		{"over the limit once decoded", "/small", zipped(t, body+strings.Repeat(" ", 1001-len(body))), []string{asJSON, asGzip}, large},

		{"nothing", "/json", "", []string{asJSON}, policy.IdentityMissing},
		{"nothing, of no type", "/json", "", nil, policy.IdentityMissing},
		{"nothing, optional", "/optional", "", nil, allow},
		{"no customer, optional", "/optional", `{}`, []string{asJSON}, allow},
		{"no type, optional", "/optional", `{}`, nil, malformed},
		{"another container, optional", "/optional", `{"a":[]}`, []string{asJSON}, malformed},
		{"not JSON, optional", "/optional", `id=ann`, []string{asJSON}, malformed},
		{"white space", "/optional", " ", []string{asJSON}, malformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := verdictOf(post(t, g, test.target, test.body, append(test.header, ann)...)).Reason; got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

// A body costs nothing where nobody has a use for it, and nobody waits for that
// of a request that is refused without it.
func TestBodyIsReadOnlyForARule(t *testing.T) {
	g, ann := bodyGate(t), bearer(t, "ann")
	for _, test := range []struct {
		target string
		header []string
		want   policy.Reason
	}{
		{"/unread", []string{ann}, policy.ReasonNone},
		{"/when", []string{ann}, policy.ReasonNone},
		{"/json", nil, policy.MissingCredential},
		{"/json", []string{"Authorization: Bearer x"}, policy.MalformedCredential},
		{"/nowhere", []string{ann}, policy.NoRoute},
	} {
		r := request(t, "POST "+test.target, append(test.header, asJSON)...)
		r.Body = unread{t}
		d := new(gate.Decision)
		if g.Decide(t.Context(), r, d); verdictOf(d).Reason != test.want {
			t.Errorf("%s: %v, want %v", test.target, d.Denial, test.want)
		}
	}
}

// What a body expands to, or how it nests, costs no more than a few times the
// limit of the route.
func TestBodyBombs(t *testing.T) {
	g, ann := bodyGate(t), bearer(t, "ann")
	const (
		limit = 1 << 20
		most  = 12 * limit // what duplicate names are found with, and copies made by sent
	)
	fill := func(s string) string { return strings.Repeat(s, (limit-100)/len(s)) }
	for name, test := range map[string]struct {
		body   string
		header []string
		want   policy.Reason
	}{
		"gzip":                          {zipped(t, `{"id":"`+strings.Repeat("a", 256*limit)+`"}`), []string{asGzip}, policy.BodyTooLarge},
		"deep":                          {`{"id":` + fill("["), nil, policy.MalformedBody},
		"deep elsewhere":                {`{"x":` + fill(`{"a":`), nil, policy.MalformedBody},
		"lists where the customer is":   {`{"id":[` + fill("[],") + `[]]}`, nil, policy.IdentityMismatch},
		"objects where the customer is": {`{"id":[` + fill(`{"":1},`) + `[]]}`, nil, policy.IdentityMismatch},
		"numbers where the customer is": {`{"id":[` + fill("1,") + `1]}`, nil, policy.IdentityMismatch},
		"lists elsewhere":               {`{"id":"ann","x":[` + fill("[],") + `[]]}`, nil, policy.ReasonNone},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, "POST /json", append(test.header, asJSON, ann)...)
			r.Body = sent(test.body)
			var d gate.Decision
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			g.Decide(t.Context(), r, &d)
			runtime.ReadMemStats(&after)
			if got := verdictOf(&d).Reason; got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > most {
				t.Errorf("%d KiB were allocated", took>>10)
			}
		})
	}
}

// What a rule has compared may be told to the backend.
func TestOutboundOfBody(t *testing.T) {
	ids := route(t, "/ids", []string{"customer"}, rule{request: "body.commands[*].data.id"})
	ids.IdentityHeaders = templates(t, map[string]string{"X-Said": "{body.commands[*].data.id}"})
	form := route(t, "/form", []string{"customer"}, rule{request: `body["customer.id"]`})
	form.Body, form.IdentityHeaders = "form", templates(t, map[string]string{"X-Said": `<{body["customer.id"]}>`})
	g := newGate(t, ids, form)
	for _, test := range []struct{ target, body, kind, want string }{
		{"/ids", `{"commands":[{"data":{"id":"Zo\u00eb"}},{"data":{"id":"Zoë"}}]}`, asJSON, "Zo%C3%AB"},
		{"/form", "customer.id=Zo%C3%AB", asForm, "<Zo%C3%AB>"},
	} {
		r := request(t, "POST "+test.target, test.kind, bearer(t, "Zoë"), "X-Said: somebody else")
		r.Body = sent(test.body)
		header, _ := outbound(t, g, r)
		if got := header["X-Said"]; len(got) != 1 || got[0] != test.want {
			t.Errorf("%s: %q, want %q", test.target, got, test.want)
		}
	}
}
