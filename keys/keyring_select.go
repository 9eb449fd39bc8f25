package keys

import (
	"errors"
	"regexp"

	"postern/policy"
)

// SelectSettings say for which tenant of a key ring a token is. It need not be
// known who says so: the token must then verify with a secret of that tenant.
type SelectSettings struct {
	// Whole is the reference that stands in place of the mapping.
	Whole policy.Reference `yaml:",scalar"`
	// From is the reference in the mapping, and Pattern takes the name of the
	// tenant out of what it names; without one that is the name itself.
	From    policy.Reference `yaml:"from"`
	Pattern *TenantPattern   `yaml:"pattern"`
}

// Reference returns what names the tenant: a part of the path, a parameter of the
// query or a claim.
func (s *SelectSettings) Reference() policy.Reference {
	if s.From.IsZero() {
		return s.Whole
	}
	return s.From
}

// ByClaim reports whether a claim of the token is the name of the tenant; s may be
// nil.
func (s *SelectSettings) ByClaim() bool {
	return s != nil && s.Pattern == nil && s.Reference().Source == policy.Claim
}

// Tenant returns the name of the tenant that texts select. It is "", which is no
// tenant's, unless there is exactly one text and the pattern matches it.
func (s *SelectSettings) Tenant(texts []string) string {
	switch {
	case len(texts) != 1:
		return ""
	case s.Pattern == nil:
		return texts[0]
	}
	match := s.Pattern.expression.FindStringSubmatch(texts[0])
	if match == nil {
		return ""
	}
	return match[1]
}

// TenantPattern is a regular expression with one group, which must match a whole
// text. It is immutable.
type TenantPattern struct {
	expression *regexp.Regexp
}

// UnmarshalText reads the pattern from a configuration.
func (p *TenantPattern) UnmarshalText(text []byte) error {
	// As it is written first, so that no parenthesis in it closes ours.
	plain, err := regexp.Compile(string(text))
	if err != nil {
		return err
	}
	if plain.NumSubexp() != 1 {
		return errors.New("wants one group, around the name of the tenant; (?:…) is no group")
	}
	p.expression, err = regexp.Compile(`\A(?:` + string(text) + `)\z`)
	return err
}

func (s *Settings) checkSelect(at policy.Path, problems *policy.Problems) {
	switch {
	case s.Select == nil && s.IsKeyring():
		problems.Addf(at, "select is missing: say what names the tenant, such as path.project")
	case s.Select == nil:
	case !s.IsKeyring():
		problems.Addf(at.At("select"), "says nothing without keyring_file")
	default:
		switch from := s.Select.Reference(); from.Source {
		case policy.PathValue, policy.QueryParameter, policy.Claim:
		case policy.SourceNone:
			problems.Addf(at.At("select"), "from is missing")
		default:
			problems.Addf(at.At("select"), "%s cannot select a tenant: use path.<wildcard>, query.<name> or claims.<path>", from)
		}
	}
}
