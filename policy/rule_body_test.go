package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"postern/policy"
)

// bodyRule is a rule on a body and the identity that it compares with.
type bodyRule struct {
	claims   string // an object whose id is the identity
	path     string
	unsigned []string
	in       bool
	optional bool
	level    policy.Level
}

func (r bodyRule) check(t *testing.T, body string) policy.Reason {
	t.Helper()
	claims, err := policy.ParseObject([]byte(r.claims))
	if err != nil {
		t.Fatal(err)
	}
	values, err := planOf(t, r.path).Scan([]byte(body))
	if err != nil {
		return policy.MalformedBody
	}
	rule := policy.Rule{
		Identity: reference(t, "claims.id"), Request: reference(t, "body."+r.path),
		Required: !r.optional, In: r.in, UnsignedIDs: r.unsigned,
	}
	return policy.ReasonOf(rule.Check(&policy.Identity{Level: r.level, Claims: claims}, policy.Occurrences{Values: values[0]}))
}

const (
	allow     = policy.ReasonNone
	mismatch  = policy.IdentityMismatch
	unnamed   = policy.IdentityMissing
	noClaim   = policy.MissingClaim
	malformed = policy.MalformedBody
)

func checkBodies(t *testing.T, r bodyRule, bodies map[string]policy.Reason) {
	t.Helper()
	for body, want := range bodies {
		if got := r.check(t, body); got != want {
			t.Errorf("%+v\n%s: %v, want %v", r, body, got, want)
		}
	}
}

func TestRuleComparesText(t *testing.T) {
	for _, optional := range []bool{false, true} {
		absent := unnamed
		if optional {
			absent = allow
		}
		checkBodies(t, bodyRule{claims: `{"id":"42"}`, path: "a.id", optional: optional, level: policy.Customer}, map[string]policy.Reason{
			`{"a":{"id":"42"}}`: allow, `{"a":{"id":42}}`: allow, `{"a":{"id":"\u00342"}}`: allow,
			`{"a":{"id":" 42"}}`: mismatch, `{"a":{"id":"42\u0000"}}`: mismatch, `{"a":{"id":"042"}}`: mismatch, `{"a":{"id":""}}`: mismatch,
			`{"a":{"id":42.0}}`: mismatch, `{"a":{"id":4.2e1}}`: mismatch, `{"a":{"id":-42}}`: mismatch, `{"a":{"id":true}}`: mismatch,
			`{"a":{"id":["42"]}}`: mismatch, `{"a":{"id":[]}}`: mismatch, `{"a":{"id":{}}}`: mismatch, `{"a":{"id":{"id":"42"}}}`: mismatch,
			`{"a":{"id":null}}`: absent, `{"a":{}}`: absent, `{"a":null}`: absent, `{}`: absent, `null`: absent,
			`{"a":"42"}`: malformed, `{"a":[{"id":"42"}]}`: malformed, `{"a":42}`: malformed, `{"a":false}`: malformed, `["42"]`: malformed, `"42"`: malformed,
		})
	}
	checkBodies(t, bodyRule{claims: `{"id":42}`, path: "id", level: policy.Customer}, map[string]policy.Reason{
		`{"id":42}`: allow, `{"id":"42"}`: allow, `{"id":42.0}`: mismatch, `{"id":"42.0"}`: mismatch, `{"id":43}`: mismatch,
	})
	// A backend that reads numbers as doubles takes the last one for its neighbour.
	checkBodies(t, bodyRule{claims: `{"id":"9007199254740991"}`, path: "id", level: policy.Customer}, map[string]policy.Reason{`{"id":9007199254740991}`: allow})
	checkBodies(t, bodyRule{claims: `{"id":"9007199254740993"}`, path: "id", level: policy.Customer}, map[string]policy.Reason{
		`{"id":"9007199254740993"}`: allow, `{"id":9007199254740993}`: mismatch,
	})
}

func TestRuleComparesEveryElement(t *testing.T) {
	rule := bodyRule{claims: `{"id":"ann"}`, path: "commands[*].data.id", level: policy.Customer}
	checkBodies(t, rule, map[string]policy.Reason{
		`{"commands":[{"data":{"id":"ann"}}]}`:                       allow,
		`{"commands":[{"data":{"id":"ann"}},{"data":{"id":"ann"}}]}`: allow,
		`{"commands":[{"data":{"id":"ann"}},{"data":{"id":"bob"}}]}`: mismatch,
		`{"commands":[{"data":{"id":"ann"}},{"data":{"id":["a"]}}]}`: mismatch,
		`{"commands":[{"data":{"id":"ann"}},{"data":{}}]}`:           unnamed,
		`{"commands":[{"data":{"id":"ann"}},{"data":{"id":null}}]}`:  unnamed,
		`{"commands":[{"data":{"id":"ann"}},{}]}`:                    unnamed,
		`{"commands":[{"data":{"id":"ann"}},null]}`:                  unnamed,
		`{"commands":[]}`: unnamed,
		`{}`:              unnamed,
		`{"commands":[{"data":{"id":"ann"}},"ann"]}`:                   malformed,
		`{"commands":[{"data":{"id":"ann"}},{"data":"ann"}]}`:          malformed,
		`{"commands":{"0":{"data":{"id":"ann"}}}}`:                     malformed,
		`{"commands":[{"data":{"id":"ann"}},{"data":{"Id":"bob"}}]}`:   malformed,
		`{"commands":[{"data":{"id":"ann","id":"bob"}}]}`:              malformed,
		`{"commands":[{"data":{"id":"ann"}}],"Commands":[{"data":1}]}`: malformed,
	})
	rule.optional = true
	checkBodies(t, rule, map[string]policy.Reason{
		`{"commands":[{"data":{"id":"ann"}},{"data":{}},{},null]}`: allow,
		`{"commands":[]}`: allow, `{}`: allow,
		`{"commands":[{"data":{}},{"data":{"id":"bob"}}]}`: mismatch,
	})
	// A list inside a list that is empty carries nothing, either.
	checkBodies(t, bodyRule{claims: `{"id":"ann"}`, path: "a[*].b[*].id", level: policy.Customer}, map[string]policy.Reason{
		`{"a":[{"b":[{"id":"ann"}]},{"b":[{"id":"ann"}]}]}`: allow,
		`{"a":[{"b":[{"id":"ann"}]},{"b":[]}]}`:             unnamed,
		`{"a":[{"b":[{"id":"ann"}]},{}]}`:                   unnamed,
	})
}

func TestRuleComparesIDs(t *testing.T) {
	one := bodyRule{claims: `{"id":{"registered":"a@b.c"}}`, path: "customer_ids", unsigned: []string{"cookie"}, level: policy.Customer}
	checkBodies(t, one, map[string]policy.Reason{
		`{"customer_ids":{"registered":"a@b.c"}}`:                                 allow,
		`{"customer_ids":{"cookie":"c","registered":"a@b.c"}}`:                    allow,
		`{"customer_ids":{"cookie":null,"registered":"a@b.c"}}`:                   allow,
		`{"customer_ids":{"registered":"a@b.c","phone":null}}`:                    allow,
		`{"customer_ids":{"regist\u0065red":"\u0061@b.c"}}`:                       allow,
		`{"customer_ids":{"registered":"x@b.c"}}`:                                 mismatch,
		`{"customer_ids":{"registered":"A@b.c"}}`:                                 mismatch,
		`{"customer_ids":{"registered":["a@b.c"]}}`:                               mismatch,
		`{"customer_ids":{"registered":{"a":"a@b.c"}}}`:                           mismatch,
		`{"customer_ids":{"registered":"a@b.c","phone":"1"}}`:                     mismatch,
		`{"customer_ids":{"registered":"a@b.c","phone":""}}`:                      mismatch,
		`{"customer_ids":{"registered":"a@b.c","phone":false}}`:                   mismatch,
		`{"customer_ids":{"registered":"a@b.c","Cookie":"c"}}`:                    mismatch,
		`{"customer_ids":{"registered":"a@b.c","REGISTERED":"x@b.c"}}`:            mismatch,
		`{"customer_ids":{"registered":"a@b.c","Registered":null}}`:               mismatch,
		`{"customer_ids":{"registered":"a@b.c","registered\u0000":null}}`:         mismatch,
		`{"customer_ids":{"registered":null}}`:                                    mismatch,
		`{"customer_ids":{"cookie":{"registered":"x@b.c"},"registered":"a@b.c"}}`: mismatch,
		`{"customer_ids":{"cookie":["c"],"registered":"a@b.c"}}`:                  mismatch,
		`{"customer_ids":{"cookie":"c"}}`:                                         mismatch,
		`{"customer_ids":{}}`:                                                     mismatch,
		`{"customer_ids":"a@b.c"}`:                                                mismatch,
		`{"customer_ids":[{"registered":"a@b.c"}]}`:                               mismatch,
		`{"customer_ids":null}`:                                                   unnamed,
		`{}`:                                                                      unnamed,
		`{"customer_ids":{"registered":"a@b.c","registered":"x@b.c"}}`:            malformed,
		`{"customer_ids":{"registered":"a@b.c","register\u0065d":"x@b.c"}}`:       malformed,
		`{"customer_ids":{"registered":"a@b.c"},"Customer_Ids":{"cookie":""}}`:    malformed,
	})
	two := one
	two.claims = `{"id":{"registered":"a@b.c","crm":17}}`
	checkBodies(t, two, map[string]policy.Reason{
		`{"customer_ids":{"registered":"a@b.c","crm":17}}`:   allow,
		`{"customer_ids":{"crm":"17","registered":"a@b.c"}}`: allow,
		`{"customer_ids":{"registered":"a@b.c"}}`:            mismatch,
		`{"customer_ids":{"registered":"a@b.c","crm":18}}`:   mismatch,
		`{"customer_ids":{"registered":"a@b.c","crm":17.0}}`: mismatch,
	})
	// An id that the token signs is compared, unsigned or not.
	signed := one
	signed.claims = `{"id":{"registered":"a@b.c","cookie":"c"}}`
	checkBodies(t, signed, map[string]policy.Reason{
		`{"customer_ids":{"registered":"a@b.c","cookie":"c"}}`: allow,
		`{"customer_ids":{"registered":"a@b.c","cookie":"d"}}`: mismatch,
		`{"customer_ids":{"registered":"a@b.c"}}`:              mismatch,
	})
	strict := one
	strict.unsigned = nil
	checkBodies(t, strict, map[string]policy.Reason{`{"customer_ids":{"cookie":"c","registered":"a@b.c"}}`: mismatch})
	// The batch of a server.
	batch := one
	batch.path = "commands[*].data.customer_ids"
	checkBodies(t, batch, map[string]policy.Reason{
		`{"commands":[{"data":{"customer_ids":{"registered":"a@b.c"}}},{"data":{"customer_ids":{"registered":"a@b.c","cookie":"c"}}}]}`: allow,
		`{"commands":[{"data":{"customer_ids":{"registered":"a@b.c"}}},{"data":{"customer_ids":{"registered":"x@b.c"}}}]}`:              mismatch,
		`{"commands":[{"data":{"customer_ids":{"registered":"a@b.c"}}},{"data":{"customer_ids":{"cookie":"c"}}}]}`:                      mismatch,
		`{"commands":[{"data":{"customer_ids":{"registered":"a@b.c"}}},{"data":{}}]}`:                                                   unnamed,
	})
}

// Who is nobody may name an unsigned id, and nobody else.
func TestRuleOfNobody(t *testing.T) {
	for _, level := range []policy.Level{policy.Anonymous, policy.Application} {
		rule := bodyRule{claims: `{}`, path: "ids", unsigned: []string{"cookie"}, optional: true, level: level}
		checkBodies(t, rule, map[string]policy.Reason{
			`{"ids":{"cookie":"c"}}`: allow, `{"ids":{"cookie":"c","registered":null}}`: allow, `{"ids":null}`: allow, `{}`: allow,
			`{"ids":{"cookie":"c","registered":"a"}}`: mismatch, `{"ids":{"COOKIE":"c"}}`: mismatch, `{"ids":"c"}`: mismatch, `{"ids":["c"]}`: mismatch,
		})
		rule.optional = false
		checkBodies(t, rule, map[string]policy.Reason{
			`{"ids":{"cookie":"c"}}`: unnamed, `{"ids":null}`: unnamed, `{}`: unnamed, `{"ids":{"registered":"a"}}`: mismatch,
		})
	}
}

func TestRuleIn(t *testing.T) {
	checkBodies(t, bodyRule{claims: `{"id":["a","b",7,"",null,true,{"x":1}]}`, path: "list[*]", in: true, level: policy.Customer}, map[string]policy.Reason{
		`{"list":["a"]}`: allow, `{"list":["b","a","b"]}`: allow, `{"list":[7,"7"]}`: allow,
		`{"list":["a","c"]}`: mismatch, `{"list":[""]}`: mismatch, `{"list":[["a"]]}`: mismatch, `{"list":[true]}`: mismatch, `{"list":["true"]}`: mismatch,
		`{"list":[{"x":1}]}`: mismatch, `{"list":[7.0]}`: mismatch,
		`{"list":["a",null]}`: unnamed, `{"list":[]}`: unnamed,
	})
	for _, claims := range []string{`{}`, `{"id":[]}`, `{"id":"a"}`, `{"id":{"a":"a"}}`, `{"id":null}`} {
		checkBodies(t, bodyRule{claims: claims, path: "id", in: true, level: policy.Customer}, map[string]policy.Reason{`{"id":"a"}`: noClaim, `{}`: noClaim})
	}
}

// What is empty names nobody, even where the request is as empty.
func TestRuleOfEmptyIdentity(t *testing.T) {
	for _, claims := range []string{`{}`, `{"id":null}`, `{"id":""}`, `{"id":[]}`, `{"id":{}}`, `{"id":["a"]}`, `{"id":true}`, `{"id":1.5}`} {
		for _, body := range []string{`{"id":""}`, `{"id":{}}`, `{"id":[]}`, `{"id":{"cookie":"c"}}`, `{"id":"a"}`, `{"id":true}`, `{"id":1.5}`, `{}`} {
			rule := bodyRule{claims: claims, path: "id", unsigned: []string{"cookie"}, level: policy.Customer}
			checkBodies(t, rule, map[string]policy.Reason{body: noClaim})
		}
	}
	rule := policy.Rule{Identity: reference(t, "claims.id"), Request: reference(t, "query.id"), Required: true}
	err := rule.Check(&policy.Identity{Level: policy.Customer, Claims: map[string]any{"id": ""}}, policy.Occurrences{Texts: []string{""}})
	if policy.ReasonOf(err) != noClaim {
		t.Errorf("an empty parameter: %v", err)
	}
}

// Every rune that some case folding joins with a letter makes an alias.
func TestAliasesOfMembers(t *testing.T) {
	for letter := rune('a'); letter <= 'z'; letter++ {
		plan := planOf(t, string(letter))
		for r := unicode.SimpleFold(letter); r != letter; r = unicode.SimpleFold(r) {
			if _, err := plan.Scan(fmt.Appendf(nil, `{"%c":1}`, r)); err == nil {
				t.Errorf("%c passes beside %c", r, letter)
			}
		}
	}
	if _, err := planOf(t, "straße").Scan([]byte(`{"STRAẞE":1}`)); err == nil {
		t.Error("the capital sharp s passes")
	}
	if _, err := planOf(t, "id").Scan([]byte(`{"` + strings.Repeat("id", 2) + `":1,"i":1,"d":1,"":1}`)); err != nil {
		t.Errorf("names of their own: %v", err)
	}
}
