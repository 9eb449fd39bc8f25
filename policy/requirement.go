package policy

import (
	"slices"
	"strings"
)

// RequirementSettings ask more of the identity than that it is verified.
type RequirementSettings struct {
	Level Level `yaml:"level" words:"anonymous application customer"`
	// Scopes must each be in scope or scp.
	Scopes OneOrMore[string] `yaml:"scopes"`
	// Claims maps a claim's path to the value that it, or one element of it,
	// must equal.
	Claims map[string]any `yaml:"claims"`
}

// Check reports what is wrong with the settings.
func (s *RequirementSettings) Check(at Path, problems *Problems) {
	CheckWanted(at.At("scopes"), s.Scopes, problems)
	CheckFixedClaims(at.At("claims"), s.Claims, problems)
}

// CheckWanted reports a list of names, of which something is wanted, that wants
// nothing; one that is not written is no list.
func CheckWanted(at Path, names []string, problems *Problems) {
	if names != nil && (len(names) == 0 || slices.Contains(names, "")) {
		problems.Addf(at, "an empty list or name would switch the check off: leave the key out for that")
	}
}

// CheckFixedClaims reports paths of claims that cannot be read.
func CheckFixedClaims(at Path, claims map[string]any, problems *Problems) {
	for path := range claims {
		if _, err := ParseClaimPath(path); err != nil {
			problems.Addf(at.At(path), "%v", err)
		}
	}
}

// Requirement is what a route asks of the identity. The zero value asks for
// nothing. It is immutable.
type Requirement struct {
	level  Level
	scopes []string
	claims []FixedClaim
}

// NewRequirement compiles settings that have passed Check.
func NewRequirement(s *RequirementSettings) Requirement {
	return Requirement{level: s.Level, scopes: s.Scopes, claims: FixedClaims(s.Claims)}
}

// Check returns a denial where the identity falls short.
func (r *Requirement) Check(id *Identity) error {
	if id.Level < r.level {
		return Denyf(InsufficientLevel, "the level %s is needed", r.level)
	}
	for i := range r.claims {
		if err := r.claims[i].Check(id.Claims); err != nil {
			return err
		}
	}
	return CheckScopes(id.Claims, r.scopes)
}

// CheckScopes wants each scope in scope, as RFC 8693, section 4.2, has it, or in
// scp, as other issuers write it.
func CheckScopes(claims map[string]any, wanted []string) error {
	if len(wanted) == 0 {
		return nil
	}
	var granted []string
	for _, claim := range []string{"scope", "scp"} {
		for _, scopes := range StringList(claims[claim]) {
			granted = append(granted, strings.Split(scopes, " ")...)
		}
	}
	for _, scope := range wanted {
		if !slices.Contains(granted, scope) {
			return Denyf(InsufficientScope, "the scope %s is missing", scope)
		}
	}
	return nil
}

// StringList returns a string as its only element, or a list of strings; nil
// for anything else.
func StringList(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		list := make([]string, 0, len(v))
		for _, element := range v {
			s, ok := element.(string)
			if !ok {
				return nil
			}
			list = append(list, s)
		}
		return list
	}
	return nil
}

// FixedClaim is a claim that must have a value.
type FixedClaim struct {
	path ClaimPath
	want any
}

// FixedClaims compiles a mapping from paths to values, in the order of the
// paths; a path that cannot be read is left out, as the checks have refused it.
func FixedClaims(claims map[string]any) []FixedClaim {
	list := make([]FixedClaim, 0, len(claims))
	for text, want := range claims {
		if path, err := ParseClaimPath(text); err == nil {
			list = append(list, FixedClaim{path, want})
		}
	}
	slices.SortFunc(list, func(a, b FixedClaim) int { return strings.Compare(a.path.text, b.path.text) })
	return list
}

// Check wants the value itself, or a list that holds it.
func (f *FixedClaim) Check(claims map[string]any) error {
	value, ok := f.path.Lookup(claims)
	if !ok {
		return Denyf(MissingClaim, "%s is missing", f.path)
	}
	list, _ := value.([]any)
	if Equal(value, f.want) || slices.ContainsFunc(list, func(element any) bool { return Equal(element, f.want) }) {
		return nil
	}
	return Denyf(ClaimNotAllowed, "%s has a value that is not allowed", f.path)
}
