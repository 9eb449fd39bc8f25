package config

import "testing"

func TestSuggest(t *testing.T) {
	names := []string{"audience", "algorithms", "issuer", "read_header_timeout", "url", "ttl", "id"}
	tests := []struct{ word, want string }{
		{"audiance", `, did you mean "audience"?`},
		{"algoritms", `, did you mean "algorithms"?`},
		{"isuser", `, did you mean "issuer"?`},
		{"readHeaderTimeout", `, did you mean "read_header_timeout"?`},
		{"URL", `, did you mean "url"?`},
		{"ulr", `, did you mean "url"?`},
		{"utl", `, did you mean "url"?`},
		{"ids", `, did you mean "id"?`},
		{"aud", ""},
		{"xyz", ""},
		{"x", ""},
		{"", ""},
		{"something else entirely", ""},
	}
	for _, test := range tests {
		if got := suggest(test.word, names); got != test.want {
			t.Errorf("suggest(%q) = %q, want %q", test.word, got, test.want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"same", "same", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"kitten", "sitting", 3},
		{"ab", "ba", 1},
		{"abcd", "acbd", 1},
		{"ca", "abc", 3},
	}
	for _, test := range tests {
		if got := editDistance(test.a, test.b, 10); got != test.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
