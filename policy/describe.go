package policy

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// maxShown bounds what is shown of a value, in bytes.
const maxShown = 200

// Show writes a value of an identity or a request for operators: as JSON in which
// everything that a terminal would not print is escaped, and not longer than a line.
func Show(value any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return "something that is no JSON"
	}
	text, end := strings.TrimSuffix(b.String(), "\n"), ""
	if len(text) > maxShown {
		text, end = strings.ToValidUTF8(text[:maxShown], ""), "…"
	}
	return Printable(text) + end
}

func notPrinted(r rune) bool { return !unicode.IsPrint(r) }

// Printable returns a text in which everything that a terminal would not print is
// escaped.
func Printable(text string) string {
	if !strings.ContainsFunc(text, notPrinted) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if notPrinted(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// ShowList is [Show] for each element.
func ShowList[T any](values []T) string {
	shown := make([]string, 0, len(values))
	for _, v := range values {
		shown = append(shown, Show(v))
	}
	return strings.Join(shown, ", ")
}

// PublicURL returns a URL of a configuration without what may be a secret of it: the
// user and the query.
func PublicURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "a URL"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// String writes the rule as a line, with all that relaxes it.
func (r *Rule) String() string {
	operator := "="
	if r.In {
		operator = "in"
	}
	text := fmt.Sprintf("%s %s %s", r.Request, operator, r.Identity)
	if len(r.UnsignedIDs) > 0 {
		text += " (but for " + strings.Join(r.UnsignedIDs, ", ") + ")"
	}
	if !r.Required {
		text += " (not required)"
	}
	if len(r.When) > 0 {
		levels := make([]string, 0, len(r.When))
		for _, level := range r.When {
			levels = append(levels, level.String())
		}
		text += " (only for " + strings.Join(levels, ", ") + ")"
	}
	return text
}

// DescribeIdentity says what of the identity the rule compares.
func (r *Rule) DescribeIdentity(id *Identity) string {
	want, known := id.resolveSealed(r.Identity, r.Sealer)
	if !known {
		return r.Identity.String() + " is missing"
	}
	text := fmt.Sprintf("%s is %s", r.Identity, Show(want))
	if !r.comparable(want) {
		text += ", which cannot be compared"
	}
	return text
}

// DescribeRequest says what the rule found, in the request or in a profile.
func (r *Rule) DescribeRequest(named Occurrences) string {
	shown := make([]string, 0, len(named.Texts)+len(named.Values))
	for _, text := range named.Texts {
		shown = append(shown, Show(text))
	}
	for _, value := range named.Values {
		if parsed, ok := value.Parse(); ok {
			shown = append(shown, Show(parsed))
		} else {
			shown = append(shown, "nothing")
		}
	}
	text := "is missing"
	if len(shown) > 0 {
		text = "is " + strings.Join(shown, ", ")
	}
	if r.With != "" {
		text += " at " + r.With
	}
	return r.Request.String() + " " + text
}

// Describe says what is asked of an identity and what it has, nil where nothing is
// asked.
func (r *Requirement) Describe(id *Identity) (list []string) {
	if r.level > Anonymous {
		list = append(list, fmt.Sprintf("level is %s, wanted: %s", id.Level, r.level))
	}
	return append(list, DescribeClaims(id.Claims, r.claims, r.scopes)...)
}

// DescribeClaims says which values and scopes are wanted of claims, and what those
// have.
func DescribeClaims(claims map[string]any, wanted []FixedClaim, scopes []string) (list []string) {
	for _, f := range wanted {
		list = append(list, DescribeClaim(claims, f.path)+", wanted: "+Show(f.want))
	}
	if len(scopes) > 0 {
		list = append(list, fmt.Sprintf("scope is %s, scp is %s, wanted: %s", Show(claims["scope"]), Show(claims["scp"]), ShowList(scopes)))
	}
	return list
}

// DescribeClaim says what claims have at a path.
func DescribeClaim(claims map[string]any, path ClaimPath) string {
	value, ok := path.Lookup(claims)
	if !ok {
		return path.String() + " is missing"
	}
	return fmt.Sprintf("%s is %s", path, Show(value))
}
