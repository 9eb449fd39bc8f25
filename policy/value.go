package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth bounds the nesting of JSON from outside. A token has a handful of
// levels; an attacker's has as many as fit.
const maxDepth = 32

// ParseObject reads data as exactly one JSON object (RFC 8259) and returns its
// members as string, [json.Number], bool, nil, []any and map[string]any.
//
// It refuses what parsers are known to disagree on: duplicate members at any
// depth, invalid UTF-8, data after the object, and nesting over 32 levels.
// Numbers keep the text that they came in.
func ParseObject(data []byte) (map[string]any, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(data))
	value, err := parseValue(d)
	if err != nil {
		return nil, err
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, errors.New("data after the JSON object")
	}
	return object, nil
}

func parseValue(d *jsontext.Decoder) (any, error) {
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	if d.StackDepth() > maxDepth {
		return nil, fmt.Errorf("JSON nested over %d levels", maxDepth)
	}
	switch token.Kind() {
	case '{':
		object := make(map[string]any)
		for d.PeekKind() != '}' {
			name, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			key := name.String() // before the next read overwrites it
			if object[key], err = parseValue(d); err != nil {
				return nil, err
			}
		}
		_, err = d.ReadToken()
		return object, err
	case '[':
		list := []any{}
		for d.PeekKind() != ']' {
			element, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, element)
		}
		_, err = d.ReadToken()
		return list, err
	case '"':
		return token.String(), nil
	case '0':
		return json.Number(token.String()), nil
	case 't', 'f':
		return token.Bool(), nil
	default:
		return nil, nil
	}
}

// SameText reports whether an identity's value and a request's text name the
// same: a string by its bytes, an integer by its decimal text. comparable is
// false where value is of a kind that no text stands for.
func SameText(value any, text string) (same, comparable bool) {
	switch v := value.(type) {
	case string:
		return v == text, true
	case json.Number:
		comparable = isInteger(string(v))
		return comparable && string(v) == text, comparable
	}
	return false, false
}

// Equal reports whether two values are the same JSON: strings by their bytes,
// numbers by their text, lists and objects member by member.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, value := range a {
			other, ok := b[key]
			if !ok || !Equal(value, other) {
				return false
			}
		}
		return true
	}
	switch b.(type) {
	case []any, map[string]any:
		return false
	}
	return a == b
}

// isInteger reports whether a JSON number is written as a plain decimal
// integer; 1.0, 1e3 and -0 are not, since each has a second spelling.
func isInteger(number string) bool {
	digits := number
	if len(digits) > 1 && digits[0] == '-' && digits[1] != '0' {
		digits = digits[1:]
	}
	if digits == "" {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}
