package policy

import "encoding/json"

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
