package gate_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"postern/policy"
)

// named is content in gzip, with a file's name before it (RFC 1952, section 2.3).
func named(t testing.TB, name, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Name = name
	_, err := io.WriteString(z, content)
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestForms(t *testing.T) {
	g, ann := bodyGate(t), bearer(t, "ann")
	const (
		allow     = policy.ReasonNone
		malformed = policy.MalformedBody
		mismatch  = policy.IdentityMismatch
		alias     = policy.MalformedRequest
	)
	for body, want := range map[string]policy.Reason{
		"id=ann": allow, "a=b&id=ann&c": allow, "id=%61nn": allow, "i%64=ann": allow, "id=ann&id=ann": allow, "&&id=ann&": allow, "id=ann&a=b&a=c": allow,
		"id=ann&name=Zo%C3%AB+%26+100%25": allow, "id=ann&ids[]=ann&ids%5B%5D=ann": allow, "id=ann&idx=bob": allow,
		"id=bob": mismatch, "id=ann&id=bob": mismatch, "id=bob&id=ann": mismatch, "id=ann&id": mismatch, "id=": mismatch, "id=+ann": mismatch, "id=ann%00": mismatch,
		"id=ann&ids[]=bob": mismatch, "id=ann&ids[]=ann&ids%5b]=bob": mismatch,
		"a=b": policy.IdentityMissing, "": policy.IdentityMissing, "&": policy.IdentityMissing,
		"ID=bob&id=ann": alias, "id[]=bob&id=ann": alias, "id[0]=bob&id=ann": alias, "id.x=bob&id=ann": alias, "+id=bob&id=ann": alias, "id%00=bob&id=ann": alias,
		"\u0130d=bob&id=ann": alias, "id=ann&ids=bob": alias, "id=ann&ids[1]=bob": alias,
		"id=ann;id=bob": malformed, "id=ann#": malformed, "id=an n": malformed, "id=ann\r\n": malformed, "id=ann&x=%": malformed, "id=ann&x=%zz": malformed, "id=ann&%zz": malformed,
		"id=ann&x=%ff": malformed, "id=ann&%ff=x": malformed, "id=ann&x=\xff": malformed, "id=ann&x=\x00": malformed,
		"\ufeffid=ann": malformed, "\ufeffid=bob&id=ann": malformed,
		`{"id":"ann"}`:                       policy.IdentityMissing,
		strings.Repeat("a&", 999) + "id=ann": allow, strings.Repeat("a&", 1000) + "id=ann": malformed,
	} {
		if got := verdictOf(post(t, g, "/form", body, asForm, ann)).Reason; got != want {
			t.Errorf("%.60q: %v, want %v", body, got, want)
		}
	}
	for _, header := range [][]string{nil, {asJSON}, {asForm + "; charset=latin1"}, {asForm, asForm}, {"Content-Type: multipart/form-data; boundary=x"}, {asForm + "; x=+json"}, {asForm + `; x="/json"`}} {
		if got := verdictOf(post(t, g, "/form", "id=ann", append(header, ann)...)).Reason; got != malformed {
			t.Errorf("%q: %v", header, got)
		}
	}
	for name, want := range map[string]policy.Reason{
		"": allow, "&x=": allow,
		// PHP and Go take what they do not unpack for the form itself.
		"&id=bob&x=": malformed, "&i%64=bob&x=": malformed, "&%zz=&id[]=bob;": malformed, ";ID=bob&": malformed,
	} {
		if got := verdictOf(post(t, g, "/form", named(t, name, "id=ann"), asForm, asGzip, ann)).Reason; got != want {
			t.Errorf("a form in gzip under the name %q: %v, want %v", name, got, want)
		}
	}
}

// What only a forgiving reader takes for fields costs no more than its length,
// however many there are.
func TestManyFieldsInGzip(t *testing.T) {
	g, ann := bodyGate(t), bearer(t, "ann")
	for _, field := range []string{"\xff&", "[&", "é&", "a.b&"} {
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
		if err == nil {
			_, err = io.WriteString(z, strings.Repeat(field, 900<<10/len(field)))
		}
		if err := errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
		if got := verdictOf(post(t, g, "/form", b.String(), asForm, asGzip, ann)).Reason; got != policy.MalformedBody {
			t.Errorf("%q: %v", field, got)
		}
	}
}

// A long name costs no more than its length.
func TestLongNames(t *testing.T) {
	g, ann := bodyGate(t), bearer(t, "ann")
	for _, name := range []string{strings.Repeat("a.", 400<<10), strings.Repeat("[", 400<<10), strings.Repeat("id_", 200<<10), strings.Repeat("i d.", 200<<10)} {
		if got := verdictOf(post(t, g, "/form", name+"=1&id=ann", asForm, ann)).Reason; got != policy.ReasonNone && got != policy.MalformedBody {
			t.Errorf("%.20q: %v", name, got)
		}
	}
}
