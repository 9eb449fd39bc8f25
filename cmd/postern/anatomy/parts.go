package anatomy

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// decode reads base64url as leniently as any reader does, and says where that is
// not what RFC 7515, section 2, has.
func (a *Anatomy) decode(name, text string) []byte {
	if strings.ContainsAny(text, "+/") {
		a.problemf("the %s is in the alphabet of base64 and not of base64url: + and / stand for - and _", name)
		text = strings.NewReplacer("+", "-", "/", "_").Replace(text)
	}
	if bare := strings.TrimRight(text, "="); bare != text {
		a.problemf("the %s is padded with =, which base64url in a JWT is not", name)
		text = bare
	}
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		a.problemf("the %s is not base64url", name)
		return nil
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString(text); err != nil {
		a.problemf("the %s ends in bits that stand for nothing, so that two spellings mean the same", name)
	}
	return decoded
}

// object reads a part that is a JSON object, and returns it for people and for the
// checks.
func (a *Anatomy) object(name, part string) (shown string, object map[string]any) {
	decoded := a.decode(name, part)
	if decoded == nil {
		return "", nil
	}
	if rest, marked := bytes.CutPrefix(decoded, []byte("\xef\xbb\xbf")); marked {
		a.problemf("the %s begins with a byte order mark", name)
		decoded = rest
	}
	a.checkStrictness(name, decoded)
	text := jsontext.Value(decoded)
	if err := text.Format(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), jsontext.WithIndent("  ")); err != nil {
		return "", nil
	}
	d := json.NewDecoder(bytes.NewReader(decoded))
	d.UseNumber()
	if d.Decode(&object) != nil || object == nil {
		a.problemf("the %s is no JSON object", name)
	}
	return strings.Map(visible, string(text)), object
}

// checkStrictness says what readers of JSON take in different ways.
func (a *Anatomy) checkStrictness(name string, data []byte) {
	text := jsontext.Value(bytes.Clone(data))
	err := text.Format()
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case err == nil:
	case ok && errors.Is(err, jsontext.ErrDuplicateName):
		a.problemf("the %s has a member twice, %s: some readers take the first, some the last", name, visibleText(string(syntax.JSONPointer)))
	case ok:
		a.problemf("the %s is not JSON: %v at byte %d", name, syntax.Err, syntax.ByteOffset)
	default:
		a.problemf("the %s is not JSON", name)
	}
}

// visible keeps what cannot steer a terminal, nor make text look like other text.
func visible(r rune) rune {
	if r == '\n' || unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

func visibleText(text string) string { return fmt.Sprintf("%q", text) }
