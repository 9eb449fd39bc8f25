package policy_test

import (
	"testing"

	"postern/policy"
)

func TestParseReference(t *testing.T) {
	type parts struct {
		source     policy.Source
		name, path string
	}
	identity := map[string]parts{
		"customer_id":                         {policy.CustomerID, "", ""},
		"level":                               {policy.LevelName, "", ""},
		"authenticator":                       {policy.AuthenticatorName, "", ""},
		"issuer":                              {policy.Issuer, "", ""},
		"tenant":                              {policy.Tenant, "", ""},
		"expires_at":                          {policy.ExpiresAt, "", ""},
		"token_id":                            {policy.TokenID, "", ""},
		"claims.sub":                          {policy.Claim, "", "sub"},
		"claims.a.b[0].c[*]":                  {policy.Claim, "", "a.b[0].c[*]"},
		`claims["https://example.com/roles"]`: {policy.Claim, "", `["https://example.com/roles"]`},
		"attributes.project":                  {policy.Attribute, "project", ""},
		`attributes["a.b"]`:                   {policy.Attribute, "a.b", ""},
		"key.kid":                             {policy.KeyMember, "", "kid"},
		"profile.user.id":                     {policy.Profile, "", "user.id"},
		"certificate.san.uri[0]":              {policy.Certificate, "", "san.uri[0]"},
		"key.endorsements[0]":                 {policy.KeyMember, "", "endorsements[0]"},
		`key["x5t#S256"]`:                     {policy.KeyMember, "", `["x5t#S256"]`},
	}
	request := map[string]parts{
		"path.project":         {policy.PathValue, "project", ""},
		"query.customer":       {policy.QueryParameter, "customer", ""},
		`query["filter[id]"]`:  {policy.QueryParameter, "filter[id]", ""},
		"header.X-Customer":    {policy.HeaderField, "X-Customer", ""},
		"header.x-CUSTOMER-id": {policy.HeaderField, "X-Customer-Id", ""},
		"cookie.sid":           {policy.Cookie, "sid", ""},
		`cookie["s.id"]`:       {policy.Cookie, "s.id", ""},
		"host":                 {policy.Host, "", ""},
		"method":               {policy.Method, "", ""},
		"request_id":           {policy.RequestID, "", ""},
	}
	for _, table := range []map[string]parts{identity, request} {
		for text, want := range table {
			ref, err := policy.ParseReference(text)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			if got := (parts{ref.Source, ref.Name, ref.Path.String()}); got != want || ref.String() != text || ref.IsZero() {
				t.Errorf("%s (as %s) = %+v, want %+v", text, ref, got, want)
			}
			if _, of := identity[text]; ref.OfIdentity() != of || ref.OfRequest() == of {
				t.Errorf("%s: of the identity %v, of the request %v", text, ref.OfIdentity(), ref.OfRequest())
			}
		}
	}
	if zero := (policy.Reference{}); !zero.IsZero() || zero.OfIdentity() || zero.OfRequest() {
		t.Error("the zero reference names something")
	}
}

const certificateParts = "use one of fingerprint, issuer.c, issuer.cn, issuer.dn, issuer.l, issuer.o, issuer.ou, issuer.st, " +
	"san.dns, san.email, san.ip, san.uri, serial, subject.c, subject.cn, subject.dn, subject.l, subject.o, subject.ou, subject.st"

func TestParseReferenceErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                   `"" is no reference: there is no ""`,
		".sub":               `".sub" is no reference: there is no ""`,
		"claim.sub":          `"claim.sub" is no reference: there is no "claim"`,
		"Claims.sub":         `"Claims.sub" is no reference: there is no "Claims"`,
		" customer_id":       `" customer_id" is no reference: there is no " customer_id"`,
		"customer_id.sub":    `"customer_id.sub": nothing may follow customer_id`,
		"customer_id.":       `"customer_id.": nothing may follow customer_id`,
		"host[0]":            `"host[0]": nothing may follow host`,
		"claims":             `"claims": claims wants a name after it: the path is empty`,
		"claims.":            `"claims.": claims wants a name after it: the path is empty`,
		"claims[0]":          `"claims[0]": claims wants a name after it: "[0]": starts with an index, but is looked up in an object`,
		"key":                `"key": key wants a name after it: the path is empty`,
		"path":               `"path": path wants a name after it: the path is empty`,
		"attributes.a.b":     `"attributes.a.b": attributes takes one name; quote a name with a dot, as attributes["a.b"]`,
		"query.ids[0]":       `"query.ids[0]": query takes one name; quote a name with a dot, as query["a.b"]`,
		"header.a b":         `"header.a b": header wants a name after it: "a b": a name with ' ' must be quoted, as ["the whole name"]`,
		"header.Host":        `"header.Host" cannot be read as a header: use the reference host`,
		"header.cookie":      `"header.cookie" cannot be read as a header: use cookie.<name>`,
		"header.X_Customer":  `"header.X_Customer": use letters, digits and hyphens only in a header's name, since backends read other names alike`,
		`header["X Custom"]`: `"header[\"X Custom\"]": use letters, digits and hyphens only in a header's name, since backends read other names alike`,
		`header[":method"]`:  `"header[\":method\"]": use letters, digits and hyphens only in a header's name, since backends read other names alike`,
		"header.Trailer":     `"header.Trailer" cannot be read as a header: it is the server's own`,

		"header.content-length":    `"header.content-length" cannot be read as a header: it is the server's own`,
		"header.Transfer-Encoding": `"header.Transfer-Encoding" cannot be read as a header: it is the server's own`,

		"opaque_id.x": `"opaque_id.x": nothing may follow opaque_id`,

		"certificate":               `"certificate": certificate wants a name after it: the path is empty`,
		"certificate.san[0]":        `"certificate.san[0]": a certificate has no san[0]: ` + certificateParts,
		"certificate.san.url[0]":    `"certificate.san.url[0]": a certificate has no san.url[0]: ` + certificateParts,
		"certificate.subject.cn[0]": `"certificate.subject.cn[0]": nothing may follow subject.cn`,
		"certificate.san.uri[0].x":  `"certificate.san.uri[0].x": nothing may follow san.uri`,
	} {
		_, err := policy.ParseReference(text)
		if err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

func TestReferenceSame(t *testing.T) {
	// Each is the same as itself and no other.
	distinct := []string{
		"customer_id", "level", "claims.sub", "claims.a.b", `claims["a.b"]`, "attributes.sub", "key.sub", "path.sub", "query.sub", "query.Sub",
		"cookie.sub", "header.Sub",
	}
	for i, a := range distinct {
		for k, b := range distinct {
			if got := reference(t, a).Same(reference(t, b)); got != (i == k) {
				t.Errorf("%s and %s: same = %v", a, b, got)
			}
		}
	}
	if !reference(t, "header.x-a").Same(reference(t, "header.X-A")) {
		t.Error("the names of headers are compared with case")
	}
}

func TestReferenceUnmarshalText(t *testing.T) {
	var ref policy.Reference
	if err := ref.UnmarshalText([]byte("path.id")); err != nil || ref.String() != "path.id" {
		t.Errorf("%s, %v", ref, err)
	}
	if err := ref.UnmarshalText([]byte("nobody")); err == nil || ref.String() != "path.id" {
		t.Errorf("an error leaves %s, %v", ref, err)
	}
}

func reference(t testing.TB, text string) policy.Reference {
	t.Helper()
	ref, err := policy.ParseReference(text)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}
