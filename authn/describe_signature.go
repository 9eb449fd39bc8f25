package authn

import (
	"fmt"
	"strings"
	"time"

	"postern/policy"
)

// Describe implements [Describer].
func (s *Signature) Describe(check Check, c Credential, at time.Time) []string {
	switch check {
	case CheckForm:
		text := "wanted: " + s.settings.Encoding
		if s.settings.Prefix != "" {
			text += " after " + policy.Show(s.settings.Prefix)
		}
		return []string{text}
	case CheckMessage:
		return []string{"signed: " + s.settings.Message.describe()}
	case CheckSignature:
		return []string{fmt.Sprintf("HMAC with %s, secrets in the configuration: %d", s.settings.Hash, s.secrets.Len())}
	case CheckTimestamp:
		return s.describeTimestamp(c.Request, at)
	case CheckCustomer:
		return s.describeCustomer(c.Request)
	}
	return nil
}

// describe writes the message as a configuration does.
func (m *Message) describe() string {
	var b strings.Builder
	for i, literal := range m.literals {
		b.WriteString(literal)
		if i < len(m.refs) {
			name := m.refs[i].String()
			if m.refs[i].IsZero() {
				name = rawBody
			}
			b.WriteString("{" + name + "}")
		}
	}
	return policy.Show(b.String())
}

func (s *Signature) describeTimestamp(r Request, at time.Time) []string {
	ref := s.settings.Timestamp
	if ref.IsZero() {
		return []string{"no timestamp is configured: a signed request can be sent again"}
	}
	texts, err := r.Texts(ref)
	if err != nil {
		return nil
	}
	text := fmt.Sprintf("%s is %s", ref, policy.ShowList(texts))
	if len(texts) == 1 {
		if signed, err := parseSeconds(texts[0]); err == nil {
			text += ", " + Ago(signed, at)
		}
	}
	return []string{text, "tolerance is " + s.settings.tolerance().String()}
}

func (s *Signature) describeCustomer(r Request) []string {
	ref := s.settings.CustomerID
	if ref.IsZero() {
		return nil
	}
	texts, err := r.Texts(ref)
	if err != nil {
		return nil
	}
	return []string{fmt.Sprintf("%s is %s", ref, policy.ShowList(texts))}
}
