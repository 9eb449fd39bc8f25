package authn

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"postern/policy"
)

// Message says what a signature is over: literal text and, in braces, parts of
// the request, such as "v0:{header.X-Ts}:{body}". {body} is the body as it came.
// It is immutable.
type Message struct {
	literals []string           // around the references, one more than those
	refs     []policy.Reference // zero for {body}
	// free is the index of the reference whose text may hold anything; see
	// [Message.bounded].
	free int
}

// rawBody is how a message names the body as it came.
const rawBody = "body"

// wholeBody returns the message "{body}".
func wholeBody() Message {
	return Message{literals: []string{"", ""}, refs: []policy.Reference{{}}}
}

// ParseMessage reads a message.
func ParseMessage(text string) (Message, error) {
	var m Message
	for rest, opened := text, true; opened; {
		var literal string
		literal, rest, opened = strings.Cut(rest, "{")
		if strings.Contains(literal, "}") {
			return Message{}, fmt.Errorf("%q holds a } without {", text)
		}
		if literal == "" && opened && len(m.refs) > 0 {
			return Message{}, fmt.Errorf("%q has two references side by side: what is the end of one could be signed as the beginning of the other", text)
		}
		if m.literals = append(m.literals, literal); !opened {
			break
		}
		inner, after, closed := strings.Cut(rest, "}")
		if !closed {
			return Message{}, fmt.Errorf("%q holds a { without }", text)
		}
		ref, err := parseSent(inner, rawBody)
		if err != nil {
			return Message{}, err
		}
		if ref.IsZero() && slices.ContainsFunc(m.refs, policy.Reference.IsZero) {
			return Message{}, fmt.Errorf("%q names the body twice", text)
		}
		m.refs, rest = append(m.refs, ref), after
	}
	if len(m.refs) == 0 {
		return Message{}, errors.New("the message names no part of the request: one signature would be good for all")
	}
	if m.free = slices.IndexFunc(m.refs, policy.Reference.IsZero); m.free < 0 {
		m.free = len(m.refs) - 1
	}
	return m, nil
}

// parseSent reads a reference to what a client sends; whole is the word for which
// the zero reference stands.
func parseSent(text, whole string) (policy.Reference, error) {
	if text == whole {
		return policy.Reference{}, nil
	}
	ref, err := policy.ParseReference(text)
	if err == nil && (!ref.OfRequest() || ref.Source == policy.RequestID) {
		err = fmt.Errorf("%s is no part of what a client sends", ref)
	}
	return ref, err
}

// UnmarshalText reads the message from a configuration.
func (m *Message) UnmarshalText(text []byte) error {
	parsed, err := ParseMessage(string(text))
	if err == nil {
		*m = parsed
	}
	return err
}

// distinct returns each reference once, without the zero ones.
func distinct(all []policy.Reference) (refs []policy.Reference) {
	for _, ref := range all {
		if !ref.IsZero() && !slices.ContainsFunc(refs, ref.Same) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// covers reports whether no client can change a part of the request without
// changing the message.
func (m *Message) covers(ref policy.Reference) bool {
	return slices.ContainsFunc(m.refs, func(signed policy.Reference) bool {
		return signed.Same(ref) || signed.IsZero() && ref.Source == policy.Body
	})
}

// distinguishes reports whether the message says more of a request than how,
// where and when it is sent.
func (m *Message) distinguishes(timestamp policy.Reference) bool {
	return slices.ContainsFunc(m.refs, func(ref policy.Reference) bool {
		return ref.IsZero() || ref.Source != policy.Method && ref.Source != policy.Host && !ref.Same(timestamp)
	})
}

// read returns the message of a request, in parts.
func (m *Message) read(r Request) ([][]byte, error) {
	parts := [][]byte{[]byte(m.literals[0])}
	for i, ref := range m.refs {
		part, err := m.part(r, i, ref)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part, []byte(m.literals[i+1]))
	}
	return parts, nil
}

func (m *Message) part(r Request, i int, ref policy.Reference) ([]byte, error) {
	if ref.IsZero() {
		return r.RawBody()
	}
	text, err := onlyText(r, ref)
	if err == nil && !m.bounded(i, text) {
		err = policy.Denyf(policy.MalformedCredential, "%s holds what separates it from the rest of the signed message", ref)
	}
	return []byte(text), err
}

// bounded reports whether a message can be taken apart in only one way, as far
// as one of its parts goes: the parts before the free one end at the first
// occurrence of the literal after them, those behind it begin at the last
// occurrence of the literal before them. Otherwise a client could move the
// boundaries, and give one signature to another customer.
func (m *Message) bounded(i int, text string) bool {
	switch before, after := m.literals[i], m.literals[i+1]; {
	case i < m.free:
		return strings.Index(text+after, after) == len(text)
	case i > m.free:
		return strings.LastIndex(before+text, before) == 0
	}
	return true
}

// onlyText returns the text that a reference names. Of several, a backend might
// read another one than was signed.
func onlyText(r Request, ref policy.Reference) (string, error) {
	texts, err := r.Texts(ref)
	if err != nil {
		return "", err
	}
	if len(texts) != 1 || texts[0] == "" {
		return "", policy.Denyf(policy.MalformedCredential, "the request must carry %s exactly once", ref)
	}
	return texts[0], nil
}
