package policy

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// DenialSettings configure a format of denials. Reasons go by their names.
type DenialSettings struct {
	ContentType string `yaml:"content_type"`
	// Body holds words in braces, such as {reason}.
	Body string `yaml:"body"`
	// Status replaces the status of some reasons.
	Status map[string]int `yaml:"status"`
	// Codes are what {code} stands for, in place of the status.
	Codes map[string]string `yaml:"codes"`
}

// SetDefaults fills in what the configuration leaves out.
func (s *DenialSettings) SetDefaults() { s.ContentType = "application/json" }

// DenialWords returns what a body may name in braces, sorted.
func DenialWords() []string { return slices.Sorted(maps.Keys(denialWords)) }

// Words returns what the body names in braces, known or not.
func (s *DenialSettings) Words() []string {
	var words []string
	for _, match := range placeholder.FindAllStringSubmatch(s.Body, -1) {
		words = append(words, match[1])
	}
	return words
}

// Check reports what is wrong with the settings, but for names that nobody
// knows.
func (s *DenialSettings) Check(at Path, problems *Problems) {
	media := mediaType(s.ContentType)
	if media == "" || strings.ContainsFunc(s.ContentType, func(r rune) bool { return r < ' ' || r > '~' }) {
		problems.Addf(at.At("content_type"), "%q is no media type", s.ContentType)
	}
	for _, reason := range Reasons() {
		if status, set := s.Status[reason.String()]; set {
			checkDenialStatus(at.At("status", reason.String()), reason, status, problems)
		}
	}
	switch {
	case s.Body == "":
		problems.Addf(at, "body is missing")
	case isJSON(media) && !s.rendersJSON():
		problems.Addf(at.At("body"), "is no JSON once filled in: outside a string only {status}, {token_expired} and a {code} that is a number can stand")
	}
}

func checkDenialStatus(at Path, reason Reason, status int, problems *Problems) {
	switch {
	case reason == ClientClosed:
		problems.Addf(at, "the client is gone and gets no answer")
	case status < 400 || status > 599:
		problems.Addf(at, "wants 400 to 599")
	case reason.Status() >= 500 && status < 500:
		problems.Addf(at, "wants 500 to 599: a client takes %d for a fault of its own", status)
	}
}

// rendersJSON tries all reasons, with a detail and a request id that are valid
// JSON nowhere but in a string.
func (s *DenialSettings) rendersJSON() bool {
	const hostile = "\"}\\ {title}\n\x00\xff</script>"
	f := NewDenialFormat(s)
	for _, reason := range Reasons() {
		body := f.Body(&Denial{Reason: reason, Detail: hostile}, hostile)
		if !jsontext.Value(body).IsValid() {
			return false
		}
	}
	return true
}
