package policy_test

import (
	"encoding"
	"fmt"
	"testing"

	"postern/policy"
)

func TestWords(t *testing.T) {
	var mode, body, op = policy.Enforce, policy.JSONBody, policy.Equals
	for _, test := range []struct {
		word encoding.TextUnmarshaler
		text string
		want string // of the word afterwards, and of the error
	}{
		{&mode, "report", "report <nil>"},
		{&mode, "off", `report "off": use enforce or report`},
		{&mode, "", `report "": use enforce or report`},
		{&body, "form", "form <nil>"},
		{&body, "Form", `form "Form": use json or form`},
		{&op, "in", "in <nil>"},
		{&op, "not", `in "not": use equal or in`},
	} {
		err := test.word.UnmarshalText([]byte(test.text))
		word := map[encoding.TextUnmarshaler]string{&mode: string(mode), &body: string(body), &op: string(op)}[test.word]
		if got := fmt.Sprint(word, " ", err); got != test.want {
			t.Errorf("%q: %s, want %s", test.text, got, test.want)
		}
	}
}
