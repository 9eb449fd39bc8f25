package policy

import (
	"fmt"
	"slices"
)

// Rule is one consistency rule: a part of the request that must name the same
// as a part of the identity. It is immutable.
type Rule struct {
	Identity Reference
	// Request is a part of the request, or of the profile that With tells.
	Request Reference
	// With is the authenticator of profiles, "" for a rule on the request.
	With string
	// Required denies a request that does not name it at all.
	Required bool
	// When limits the rule to these levels; empty means every level.
	When []Level
	// In compares with each element of the identity's list instead of with the
	// identity itself.
	In bool
	// UnsignedIDs are members of an object of ids that the client chooses: where
	// the identity has none of the kind, they are not compared, and name nobody.
	UnsignedIDs []string
	// Sealer makes the opaque id of a rule that compares it; nil for others.
	Sealer Sealer
}

// ruleLists are compiled rules by what their settings say: many routes have the same.
type ruleLists map[string][]Rule

// of returns the rules of settings, which routes share.
func (l ruleLists) of(settings []RuleSettings) []Rule {
	var text []byte
	for i := range settings {
		s := &settings[i]
		text = fmt.Appendf(text, "%q %q %q %t %q %q %q\n", s.Identity, s.compared(), s.With, s.Required, s.When, s.Op, s.UnsignedIDs)
	}
	if rules, known := l[string(text)]; known {
		return rules
	}
	var rules []Rule
	for _, s := range settings {
		rules = append(rules, Rule{
			Identity: s.Identity, Request: s.compared(), With: s.With, Required: s.Required, When: s.When,
			In: s.Op == In, UnsignedIDs: s.UnsignedIDs,
		})
	}
	l[string(text)] = rules
	return rules
}

// Occurrences is what a request has where a rule looks: texts for what is text by
// nature, values for parts of a JSON body, nil for each one that is missing.
type Occurrences struct {
	Texts  []string
	Values []BodyValue
}

// Applies reports whether the rule is for identities of this level.
func (r *Rule) Applies(level Level) bool {
	return len(r.When) == 0 || slices.Contains(r.When, level)
}

// Check compares the identity with what the request names: every value that
// stands where the rule looks, none where it names nothing.
func (r *Rule) Check(id *Identity, named Occurrences) error {
	want, known := id.resolveSealed(r.Identity, r.Sealer)
	known = known && r.comparable(want)
	if !known && id.Level == Customer {
		return Denyf(MissingClaim, "%s is missing, or cannot be compared with %s", r.Identity, r.Request)
	}
	for _, text := range named.Texts {
		if !known || !r.names(want, text) {
			return r.mismatch()
		}
	}
	somebody, everywhere := len(named.Texts) > 0, true
	for _, value := range named.Values {
		if value == nil || !known && r.unsigned(value) {
			everywhere = false
			continue
		}
		if !known || !r.agrees(want, value) {
			return r.mismatch()
		}
		somebody = true
	}
	if r.Required && !(somebody && everywhere) {
		if r.With != "" {
			return Denyf(IdentityMissing, "%s has no %s", r.With, r.Request)
		}
		return Denyf(IdentityMissing, "the request does not carry %s", r.Request)
	}
	return nil
}

func (r *Rule) mismatch() error {
	return Denyf(IdentityMismatch, "%s differs from %s", r.Request, r.Identity)
}

// comparable reports whether the rule knows how to compare the identity. What is
// empty names nobody.
func (r *Rule) comparable(want any) bool {
	switch want := want.(type) {
	case []any:
		return r.In && len(want) > 0
	case map[string]any:
		return !r.In && (r.Request.Source == Body || r.With != "") && len(want) > 0
	default:
		_, comparable := SameText(want, "")
		return comparable && !r.In && want != ""
	}
}

// names reports whether a text names the identity.
func (r *Rule) names(want any, text string) bool {
	if list, ok := want.([]any); ok {
		return slices.ContainsFunc(list, func(element any) bool { return isNamed(element, text) })
	}
	return isNamed(want, text)
}

// isNamed reports whether a text is that of an id; an empty one is nobody's.
func isNamed(id any, text string) bool {
	same, _ := SameText(id, text)
	return same && text != ""
}

// agrees reports whether a value of the body names the identity.
func (r *Rule) agrees(want any, value BodyValue) bool {
	if ids, ok := want.(map[string]any); ok {
		return r.sameIDs(ids, value)
	}
	text, ok := value.Text()
	return ok && r.names(want, text)
}

// sameIDs holds an object of ids in a request to that of the identity: each id
// of the identity must be there, and no other but those that are unsigned or
// null, and cannot be taken for one of the identity.
func (r *Rule) sameIDs(want map[string]any, named BodyValue) bool {
	signed := 0
	for kind, value := range named.members() {
		if id, ok := want[kind]; ok {
			text, ok := value.Text()
			if !ok || !isNamed(id, text) {
				return false
			}
			signed++
			continue
		}
		for other := range want {
			if isMemberAlias([]byte(kind), other) {
				return false
			}
		}
		if value != nil && !r.isUnsigned(kind, value) {
			return false
		}
	}
	return signed == len(want)
}

// unsigned reports whether a value is an object of ids that holds none that
// could be signed.
func (r *Rule) unsigned(value BodyValue) bool {
	if len(r.UnsignedIDs) == 0 || value[0] != '{' {
		return false
	}
	for kind, id := range value.members() {
		if id != nil && !r.isUnsigned(kind, id) {
			return false
		}
	}
	return true
}

// isUnsigned reports whether an id of some kind is one that the client chooses.
func (r *Rule) isUnsigned(kind string, id BodyValue) bool {
	return slices.Contains(r.UnsignedIDs, kind) && !id.isContainer()
}
