package authn

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"postern/policy"
)

// ProfileTemplate is a part of the question to a profile API: text with, in
// braces, parts of the request, such as {path.customer}, or {credential}. It is
// immutable.
type ProfileTemplate struct {
	literals []string           // around the references, one more than those
	refs     []policy.Reference // zero for {credential}
}

const credentialName = "credential"

// bearerTemplate returns the template "Bearer {credential}".
func bearerTemplate() *ProfileTemplate {
	return &ProfileTemplate{literals: []string{bearer + " ", ""}, refs: []policy.Reference{{}}}
}

// UnmarshalText reads the template from a configuration. No error quotes the whole
// of it: it may hold a secret of the API.
func (t *ProfileTemplate) UnmarshalText(text []byte) error {
	var parsed ProfileTemplate
	for rest, opened := string(text), true; opened; {
		var literal, inner string
		literal, rest, opened = strings.Cut(rest, "{")
		if strings.Contains(literal, "}") {
			return errors.New("holds a } without {")
		}
		if parsed.literals = append(parsed.literals, literal); !opened {
			break
		}
		var closed bool
		if inner, rest, closed = strings.Cut(rest, "}"); !closed {
			return errors.New("holds a { without }")
		}
		ref, err := parseSent(inner, credentialName)
		if err != nil {
			return err
		}
		parsed.refs = append(parsed.refs, ref)
	}
	*t = parsed
	return nil
}

// namesCredential reports whether the credential is a part of the text.
func (t *ProfileTemplate) namesCredential() bool {
	return slices.ContainsFunc(t.refs, policy.Reference.IsZero)
}

// namesRequest reports whether a part of the request beside the credential is.
func (t *ProfileTemplate) namesRequest() bool {
	return slices.ContainsFunc(t.refs, policy.Reference.OfRequest)
}

// sample returns the text with a letter in the place of each reference.
func (t *ProfileTemplate) sample() string { return strings.Join(t.literals, "x") }

// url returns the text as a URL in which each part of the request is a part of one
// segment of the path, or of one value of the query. Its error is a policy.Denial.
func (t *ProfileTemplate) url(r Request) (string, error) {
	var b strings.Builder
	escape := url.PathEscape
	for i, ref := range t.refs {
		b.WriteString(t.literals[i])
		if strings.Contains(t.literals[i], "?") {
			escape = url.QueryEscape
		}
		text, err := onlyText(r, ref)
		if err == nil && strings.ContainsFunc(text, isControl) {
			err = unfit(ref)
		}
		if err != nil {
			return "", err
		}
		b.WriteString(escape(text))
	}
	b.WriteString(t.literals[len(t.refs)])
	// Escaped, a dot stays one, and some servers take an escaped slash for a slash.
	if path, _, _ := strings.Cut(b.String(), "?"); hasDotSegment(path) {
		return "", policy.Deny(policy.MalformedCredential, "what the request carries cannot stand in the path of the profile")
	}
	return b.String(), nil
}

// header returns the text as the value of a field. Its error is a policy.Denial.
func (t *ProfileTemplate) header(name, credential string, r Request) (string, error) {
	var b strings.Builder
	for i, ref := range t.refs {
		b.WriteString(t.literals[i])
		text := credential
		if !ref.IsZero() {
			var err error
			if text, err = onlyText(r, ref); err != nil {
				return "", err
			}
		}
		// A cookie must not become two.
		if !httpguts.ValidHeaderFieldValue(text) || name == "Cookie" && strings.ContainsAny(text, " \t\";,\\") {
			return "", unfit(ref)
		}
		b.WriteString(text)
	}
	b.WriteString(t.literals[len(t.refs)])
	return b.String(), nil
}

func unfit(ref policy.Reference) error {
	name := ref.String()
	if ref.IsZero() {
		name = "the credential"
	}
	return policy.Denyf(policy.MalformedCredential, "%s holds what the profile cannot be asked with", name)
}
