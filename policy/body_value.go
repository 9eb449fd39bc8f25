package policy

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// BodyValue is a value of a JSON body as it stands there; nil for one that is
// missing or null. Only [BodyPlan.Scan] and [NewBodyValue] make them, so that it is
// valid JSON without duplicate names.
type BodyValue []byte

// NewBodyValue returns a value that [ParseObject] returned as a member.
func NewBodyValue(value any) (BodyValue, error) {
	if value == nil {
		return nil, nil
	}
	return json.Marshal(value)
}

// IsString reports whether the value is a string.
func (v BodyValue) IsString() bool { return len(v) > 0 && v[0] == '"' }

// maxExactInteger is the last integer that a backend reads exactly which takes
// numbers for doubles (RFC 8259, section 6): the next ones become their
// neighbours, and so somebody else.
const maxExactInteger = 1<<53 - 1

// Text returns the text that names somebody: that of a string, or the digits of
// an integer that all backends read exactly. ok is false for any other value.
func (v BodyValue) Text() (text string, ok bool) {
	if v.IsString() {
		return string(appendUnquoted(nil, v)), true
	}
	text = string(v)
	n, err := strconv.ParseInt(text, 10, 64)
	return text, isInteger(text) && err == nil && -maxExactInteger <= n && n <= maxExactInteger
}

// isContainer reports whether the value is an object or a list.
func (v BodyValue) isContainer() bool { return len(v) > 0 && (v[0] == '{' || v[0] == '[') }

// Parse returns the value as [ParseObject] returns members.
func (v BodyValue) Parse() (any, bool) {
	p := newParser(v)
	value, err := p.value()
	return value, err == nil && value != nil
}

// members walks the members of an object; there are none in any other value.
func (v BodyValue) members() iter.Seq2[string, BodyValue] {
	return func(yield func(string, BodyValue) bool) {
		d := jsontext.NewDecoder(bytes.NewBuffer(v))
		if token, err := d.ReadToken(); err != nil || token.Kind() != '{' {
			return
		}
		for d.PeekKind() == '"' {
			name, err := d.ReadToken()
			if err != nil {
				return
			}
			text := name.String() // before the next read overwrites it
			value, err := d.ReadValue()
			if err != nil {
				return
			}
			if value.Kind() == 'n' {
				value = nil
			}
			if !yield(text, BodyValue(value)) {
				return
			}
		}
	}
}

// appendUnquoted appends the text of a valid JSON string to dst.
func appendUnquoted(dst, quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return append(dst, quoted[1:len(quoted)-1]...)
	}
	dst, _ = jsontext.AppendUnquote(dst, quoted)
	return dst
}
