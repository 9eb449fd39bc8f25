package policy

import "slices"

// Rule is one consistency rule: a part of the request that must name the same
// as a part of the identity. It is immutable.
type Rule struct {
	Identity Reference
	Request  Reference
	// Required denies a request that does not name it at all.
	Required bool
	// When limits the rule to these levels; empty means every level.
	When []Level
}

// Applies reports whether the rule is for identities of this level.
func (r *Rule) Applies(level Level) bool {
	return len(r.When) == 0 || slices.Contains(r.When, level)
}

// Check compares the identity with what the request names: every value that
// stands where the rule looks, none where it names nothing.
func (r *Rule) Check(id *Identity, named []string) error {
	want, known := id.Resolve(r.Identity)
	if known {
		// A list or an object equals no text, and an empty text names nobody.
		var empty bool
		empty, known = SameText(want, "")
		known = known && !empty
	}
	if !known && id.Level == Customer {
		return Denyf(MissingClaim, "%s is missing, or cannot be compared with %s", r.Identity, r.Request)
	}
	if len(named) == 0 {
		if r.Required {
			return Denyf(IdentityMissing, "the request does not carry %s", r.Request)
		}
		return nil
	}
	for _, text := range named {
		if same, _ := SameText(want, text); !same {
			return Denyf(IdentityMismatch, "%s differs from %s", r.Request, r.Identity)
		}
	}
	return nil
}
