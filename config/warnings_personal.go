package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"postern/policy"
)

// personalWarnings names what by all that the file says is an e-mail address, a
// phone or a card number, where a header tells it or a rule seeks it: with an id
// that means nothing elsewhere, less can leak from logs and backends. Each place
// is named once.
func (c *Config) personalWarnings() []string {
	var list []string
	for t := range c.told() {
		at, ref, names := t.at, t.ref, c.authenticatorsOf(t.route)
		if ref.Source != policy.CustomerID {
			if kind := c.personal(names, ref); kind != "" {
				list = append(list, personalWarning(at, ref, kind))
			}
			continue
		}
		for _, name := range names {
			ref, _ = c.settings(name).Customer()
			if kind := c.personal([]string{name}, ref); kind != "" {
				list = append(list, personalWarning(policy.Path{"authenticators", name, "customer_id"}, ref, kind))
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func personalWarning(at policy.Path, ref policy.Reference, kind string) string {
	return fmt.Sprintf("%s: %s looks like %s: {opaque_id} tells customers apart and says nothing else of them", at, ref, kind)
}

// authenticatorsOf returns the names of a route's authenticators, or of all for
// nil.
func (c *Config) authenticatorsOf(r *policy.RouteSettings) []string {
	if r == nil {
		return slices.Sorted(maps.Keys(c.Authenticators))
	}
	var names []string
	for _, alternative := range r.Authenticate {
		names = append(names, alternative...)
	}
	return names
}

// personal says what kind of personal data a reference leads to, "" for none that
// is known: by its name, or for an attribute by what the file says it is.
func (c *Config) personal(names []string, ref policy.Reference) string {
	if kind := personalName(ref.Leaf()); kind != "" || ref.Source != policy.Attribute {
		return kind
	}
	for _, name := range names {
		for _, credential := range c.settings(name).Listed() {
			if kind := personalValue(credential.Attributes[ref.Name]); kind != "" {
				return kind
			}
		}
	}
	return ""
}

const (
	anEmail = "an e-mail address"
	aPhone  = "a phone number"
	aCard   = "a card number"
	anSSN   = "a social security number"
)

// personalWord says what a last word of a name means, apart from what it only
// qualifies: it is not the last one in email_verified or card_type.
func personalWord(word string) string {
	switch word {
	case "email", "mail", "upn":
		return anEmail
	case "phone", "mobile", "msisdn", "tel", "telephone":
		return aPhone
	case "card", "creditcard", "pan":
		return aCard
	case "ssn":
		return anSSN
	}
	return ""
}

var camelHump = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// personalName says what a name such as phone_number, emailAddress or
// https://example.com/card holds.
func personalName(name string) string {
	name = strings.ToLower(camelHump.ReplaceAllString(name, "$1 $2"))
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return ' '
	}, name))
	for _, suffix := range []string{"number", "address"} {
		name = strings.TrimSpace(strings.TrimSuffix(name, suffix))
	}
	return personalWord(name[strings.LastIndexByte(name, ' ')+1:])
}

var (
	emailText = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s.]+$`)
	phoneText = regexp.MustCompile(`^\+[0-9]{7,15}$`)
	cardText  = regexp.MustCompile(`^[0-9]{13,19}$`)
	separator = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "")
)

// personalValue says what a value looks like.
func personalValue(value string) string {
	digits := separator.Replace(value)
	switch {
	case emailText.MatchString(value):
		return anEmail
	case phoneText.MatchString(digits):
		return aPhone
	case cardText.MatchString(digits) && isLuhn(digits):
		return aCard
	}
	return ""
}

// isLuhn checks the last digit as ISO/IEC 7812-1, annex B, computes it.
func isLuhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return sum%10 == 0
}
