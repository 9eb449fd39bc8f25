package gate_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"postern/policy"
)

// firstWins reads JSON as parsers do that keep the first of two members.
func firstWins(d *jsontext.Decoder) any {
	token, err := d.ReadToken()
	if err != nil {
		return nil
	}
	switch token.Kind() {
	case '{':
		object := map[string]any{}
		for d.PeekKind() == '"' {
			name, err := d.ReadToken()
			if err != nil {
				return nil
			}
			key := name.String()
			value := firstWins(d)
			if _, taken := object[key]; !taken {
				object[key] = value
			}
		}
		_, _ = d.ReadToken()
		return object
	case '[':
		var list []any
		for kind := d.PeekKind(); kind != ']' && kind != 0; kind = d.PeekKind() {
			list = append(list, firstWins(d))
		}
		_, _ = d.ReadToken()
		return list
	case '"':
		return token.String()
	}
	return nil
}

func member(value any, path ...string) any {
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// FuzzJSONCustomer holds that in every body that is allowed, each of three kinds
// of parser finds the customer that was verified.
func FuzzJSONCustomer(f *testing.F) {
	for _, seed := range []string{
		`{"user":{"id":"ann"}}`, `{"user":{"id":"ann"},"User":{"id":"bob"}}`, `{"user":{"id":"ann","ID":"bob"}}`, `{"user":{"id":"ann","id":"bob"}}`,
		`{"user":{"id":"bob"},"user":{"id":"ann"}}`, `{"user":{"\u0069d":"ann","id":"bob"}}`, `{"user":{"id":"ann"}}{"user":{"id":"bob"}}`,
		"\ufeff" + `{"user":{"id":"ann"}}`, `{"user":{"id":"ann","\u0130d":"bob"}}`, `{"u\u017fer":{"id":"bob"},"user":{"id":"ann"}}`,
		`{"user":{"id":"\u0061nn"},"x":[1e400,{"user":{"id":"bob"}}]}`, `{"user":{"id":"ann\u0000"}}`, `null`, `[]`,
	} {
		f.Add([]byte(seed))
	}
	g, ann := newGate(f, route(f, "/", []string{"customer"}, rule{request: "body.user.id"})), bearer(f, "ann")
	f.Fuzz(func(t *testing.T, body []byte) {
		if post(t, g, "/", string(body), asJSON, ann).Denial != nil {
			return
		}
		var loose struct {
			User struct{ ID any }
		}
		if err := json.Unmarshal(body, &loose); err != nil || loose.User.ID != "ann" {
			t.Errorf("without case: %v, %v", loose.User.ID, err)
		}
		var last any
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber() // there are some that no float64 can hold
		if err := d.Decode(&last); err != nil || member(last, "user", "id") != "ann" {
			t.Errorf("the last: %v, %v", member(last, "user", "id"), err)
		}
		first := firstWins(jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)))
		if got := member(first, "user", "id"); got != "ann" {
			t.Errorf("the first: %v", got)
		}
	})
}

// FuzzIDsCustomer is the same for an object of ids, beside which a client may
// name a cookie of its choice.
func FuzzIDsCustomer(f *testing.F) {
	for _, seed := range []string{
		`{"ids":{"registered":"ann","cookie":"c"}}`, `{"ids":{"registered":"ann","Registered":null}}`, `{"ids":{"Registered":"bob","registered":"ann"}}`,
		`{"ids":{"registered":"ann","cookie":{"registered":"bob"}}}`, `{"ids":{"registered":"ann","Cookie":null}}`, `{"ids":{"registered":"ann","cookie":"c","cookie":"d"}}`,
	} {
		f.Add([]byte(seed))
	}
	plan := new(policy.BodyPlan)
	path, err := policy.ParseClaimPath("ids")
	if err != nil {
		f.Fatal(err)
	}
	if _, err := plan.Add(path); err != nil {
		f.Fatal(err)
	}
	rule := policy.Rule{Identity: reference(f, "customer_id"), Request: reference(f, "body.ids"), Required: true, UnsignedIDs: []string{"cookie"}}
	id := &policy.Identity{Level: policy.Customer, Customer: map[string]any{"registered": "ann"}}
	f.Fuzz(func(t *testing.T, body []byte) {
		values, err := plan.Scan(body)
		if err != nil || rule.Check(id, policy.Occurrences{Values: values[0]}) != nil {
			return
		}
		var loose struct {
			IDs struct{ Registered any }
		}
		if err := json.Unmarshal(body, &loose); err != nil || loose.IDs.Registered != "ann" {
			t.Errorf("without case: %v, %v", loose.IDs.Registered, err)
		}
		var exact struct{ IDs map[string]json.RawMessage }
		if err := json.Unmarshal(body, &exact); err != nil {
			t.Fatal(err)
		}
		for kind, value := range exact.IDs {
			if kind != "registered" && kind != "cookie" && string(value) != "null" {
				t.Errorf("%s: %s was never compared", kind, value)
			}
		}
	})
}

// phpForm reads a form as PHP does: white space before a name does not count, a
// name ends at NUL, spaces and dots in it become underscores, a bracket makes it
// an array, and the last one wins.
func phpForm(form string) map[string]string {
	read := map[string]string{}
	for pair := range strings.SplitSeq(form, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, _ = url.QueryUnescape(name)
		value, _ = url.QueryUnescape(value)
		name = strings.TrimLeft(name, " ")
		name, _, _ = strings.Cut(name, "\x00")
		if base, _, isArray := strings.Cut(name, "["); isArray && base != "" {
			name, value = base, "Array"
		}
		read[strings.NewReplacer(" ", "_", ".", "_", "[", "_").Replace(name)] = value
	}
	return read
}

// FuzzFormCustomer is the same for forms.
func FuzzFormCustomer(f *testing.F) {
	for _, seed := range []string{
		"user_id=ann", "user_id=ann&user_id=bob", "user.id=bob&user_id=ann", "user_id=ann&user+id=bob", "user_id[]=bob&user_id=ann", "user_id=ann;user_id=bob",
		"user_id=ann&User_Id=bob", "user_id=ann&%00user_id=bob", "user_id=ann&user_id%00=bob", "+user_id=bob&user_id=ann", "user[id=bob&user_id=ann", "user_id=a%6en",
	} {
		f.Add(seed)
	}
	s := route(f, "/", []string{"customer"}, rule{request: "body.user_id"})
	s.Body = "form"
	g, ann := newGate(f, s), bearer(f, "ann")
	f.Fuzz(func(t *testing.T, form string) {
		if post(t, g, "/", form, asForm, ann).Denial != nil {
			return
		}
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatalf("net/url refuses what was allowed: %v", err)
		}
		for name, list := range values {
			if !strings.EqualFold(name, "user_id") {
				continue
			}
			for _, value := range list {
				if value != "ann" {
					t.Errorf("net/url reads %q under %q", value, name)
				}
			}
		}
		if values.Get("user_id") != "ann" {
			t.Error("net/url reads no customer")
		}
		if got := phpForm(form)["user_id"]; got != "ann" {
			t.Errorf("PHP reads %q", got)
		}
	})
}
