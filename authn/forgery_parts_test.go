package authn_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"

	"postern/authn"
	"postern/policy"
)

// oddParts are tokens whose parts are not what they should be, or more than
// anybody needs. All are signed with the right key.
func oddParts(t testing.TB) map[string]forgery {
	const (
		none      = policy.ReasonNone
		malformed = policy.MalformedCredential
		expired   = policy.TokenExpired
	)
	var (
		rs256 = func(header, claims string) string { return mint(t, "RS256", header, claims) }
		// says makes a token with one more claim.
		says  = func(member string) string { return rs256(header, `{"exp":1000300,"sub":"ann",`+member+`}`) }
		exp   = func(value string) string { return rs256(header, `{"sub":"ann","exp":`+value+`}`) }
		heads = func(member string) string { return rs256(`{"alg":"RS256","kid":"rsa",`+member+`}`, claims) }
		part  = strings.Split(rs256(header, claims), ".")
		// flattened and general are the serializations of RFC 7515, section 7.2.
		flattened = fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, part[0], part[1], part[2])
		general   = fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, part[1], part[0], part[2])
		list      = func(element string, n int) string { return strings.Repeat(element+",", n) + element }
		members   = func(n int) string {
			var text strings.Builder
			for i := range n {
				fmt.Fprintf(&text, `"%d":0,`, i)
			}
			return text.String() + `"":0`
		}
		jwe = strings.Split(encrypted(t), ".")
	)
	return map[string]forgery{
		"JSON, flattened":               {flattened, malformed},
		"JSON, general":                 {general, malformed},
		"JSON, encoded":                 {encode(general), malformed},
		"JSON with dots":                {strings.Replace(flattened, `{`, `{"a.b.c":"..",`, 1), malformed},
		"JWE with its last parts":       {strings.Join(jwe[2:], "."), malformed},
		"JWE with its first parts":      {strings.Join(jwe[:3], "."), malformed},
		"a token in a token":            {rs256(`{"alg":"RS256","kid":"rsa","cty":"JWT"}`, strings.Join(part, ".")), malformed},
		"parts in another order":        {part[1] + "." + part[0] + "." + part[2], malformed},
		"one character in the header":   {"e." + part[1] + "." + part[2], malformed},
		"one character at the end":      {part[0] + "." + part[1] + ".A", malformed},
		"percent-encoded":               {strings.ReplaceAll(strings.Join(part, "."), ".", "%2E"), malformed},
		"dots of full width":            {strings.Join(part, "．"), malformed},
		"a byte over 127":               {part[0] + "." + part[1] + "." + part[2][:10] + "é" + part[2][12:], malformed},
		"padding within the header":     {part[0][:4] + "====" + part[0][4:] + "." + part[1] + "." + part[2], malformed},
		"standard base64, padded":       {base64.StdEncoding.EncodeToString([]byte(header+" ")) + "." + part[1] + "." + part[2], malformed},
		"line breaks in the signature":  {part[0] + "." + part[1] + "." + part[2][:8] + "\r\n" + part[2][8:], malformed},
		"four line breaks":              {part[0] + "." + part[1] + "." + part[2] + "\n\n\n\n", malformed},
		"deflated, as zip says":         {rs256(`{"alg":"RS256","kid":"rsa","zip":"DEF"}`, deflate(claims)), malformed},
		"b64 is false, but not crit":    {heads(`"b64":false`), none},
		"crit, escaped":                 {heads(`"\u0063rit":["b64"]`), malformed},
		"alg twice, escaped":            {heads(`"\u0061lg":"none"`), malformed},
		"kid twice, escaped":            {heads(`"k\u0069d":"ec"`), malformed},
		"alg escaped, once":             {rs256(`{"\u0061lg":"RS256","kid":"rsa"}`, claims), none},
		"alg with an escaped value":     {rs256(`{"alg":"\u0052S256","kid":"rsa"}`, claims), none},
		"a header member twice, below":  {heads(`"x":{"a":1,"\u0061":2}`), malformed},
		"exp twice, escaped":            {says(`"e\u0078p":9999999999`), malformed},
		"iss twice, in a list's object": {says(`"x":[{"iss":1,"iss":1}]`), malformed},
		"a name that differs by case":   {says(`"EXP":1,"Sub":"bob"`), none},
		"a name that is empty, twice":   {says(`"":1,"":1`), malformed},
		"a comment":                     {says(`"x":1/**/`), malformed},
		"a comma at the end":            {says(``), malformed},
		"single quotes":                 {rs256(header, `{'exp':1000300}`), malformed},
		"UTF-16":                        {rs256(header, "\xff\xfe{\x00}\x00"), malformed},
		"an overlong form":              {says("\"x\":\"\xc0\xaf\""), malformed},
		"a control byte in a string":    {says("\"x\":\"\x00\""), malformed},
		"white space around claims":     {rs256(header, " \t\r\n"+claims+" \n"), none},

		"exp is NaN":               {exp(`NaN`), malformed},
		"exp is Infinity":          {exp(`Infinity`), malformed},
		"exp is -Infinity":         {exp(`-Infinity`), malformed},
		"exp is hexadecimal":       {exp(`0xFFFFFFFF`), malformed},
		"exp has a plus":           {exp(`+1000300`), malformed},
		"exp has a leading zero":   {exp(`01000300`), malformed},
		"exp ends with a dot":      {exp(`1000300.`), malformed},
		"exp begins with a dot":    {exp(`.5`), malformed},
		"exp has an underscore":    {exp(`1_000_300`), malformed},
		"exp in quotes":            {exp(`"1000300"`), malformed},
		"exp is -0":                {exp(`-0`), expired},
		"exp is 1e-400":            {exp(`1e-400`), expired},
		"exp is -1e-400":           {exp(`-1e-400`), expired},
		"exp is 1e400":             {exp(`1e400`), malformed},
		"exp is -1e400":            {exp(`-1e400`), malformed},
		"exp is 1e999999999":       {exp(`1e999999999`), malformed},
		"exp is 2^63":              {exp(`9223372036854775808`), malformed},
		"exp is 2^64 and a future": {exp(`18446744073710551916`), malformed},
		"exp has 9,000 digits":     {exp(strings.Repeat("9", 9000)), malformed},
		"exp has 9,000 zeros":      {exp("1000300." + strings.Repeat("0", 9000)), none},
		"nbf of 9,000 digits":      {says(`"nbf":0.` + strings.Repeat("1", 9000)), none},
		"iat is 1e400":             {says(`"iat":1e400`), malformed},
		"nbf is NaN":               {says(`"nbf":NaN`), malformed},

		"29 levels below a member":  {says(`"x":` + strings.Repeat("[", 29) + strings.Repeat("]", 29)), none},
		"4,000 levels of lists":     {says(`"x":` + strings.Repeat("[", 4000) + strings.Repeat("]", 4000)), malformed},
		"2,000 levels of objects":   {says(`"x":` + strings.Repeat(`{"":`, 2000) + "0" + strings.Repeat("}", 2000)), malformed},
		"brackets that stay open":   {says(strings.Repeat(`"x":[`, 2000)), malformed},
		"1,200 members":             {says(members(1200)), none},
		"1,200 members of a header": {heads(members(1200)), none},
		"5,000 numbers":             {says(`"x":[` + list("0", 5000) + `]`), none},
		"3,500 empty lists":         {says(`"x":[` + list("[]", 3500) + `]`), none},
		"3,500 empty objects":       {says(`"x":[` + list("{}", 3500) + `]`), none},
		"1,800 escapes":             {says(`"x":"` + strings.Repeat(`\u0041`, 1800) + `"`), none},
		"megabytes":                 {rs256(header, `{"exp":1000300,"x":"`+strings.Repeat("x", 4<<20)+`"}`), malformed},
		"a megabyte of a header":    {rs256(`{"alg":"RS256","x":"`+strings.Repeat("x", 1<<20)+`"}`, claims), malformed},
		"a megabyte of brackets":    {strings.Repeat("[", 1<<20), malformed},
		"dots up to the limit":      {strings.Repeat(".", tokenBytes), malformed},
	}
}

func deflate(text string) string {
	var out bytes.Buffer
	w := must(flate.NewWriter(&out, flate.BestCompression))
	must(w.Write([]byte(text)))
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.String()
}

func TestOddParts(t *testing.T) {
	verifier := newVerifier(t)
	for name, test := range oddParts(t) {
		if _, got := verify(t, verifier, test.token); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// Whatever is sent, taking it apart costs memory in proportion to the longest
// token that is accepted, and next to nothing beyond that.
func TestForgeriesAreBounded(t *testing.T) {
	verifier := newVerifier(t)
	all := forgeries(t)
	maps.Copy(all, oddParts(t))
	for name, test := range all {
		for _, call := range []struct {
			name  string
			limit int // on what is taken apart at all
			do    func()
		}{
			{"Verify", tokenBytes, func() { verify(t, verifier, test.token) }},
			{"Inspect", tokenBytes, func() { authn.Inspect(test.token, tokenBytes) }},
		} {
			most := uint64(4 << 10)
			if len(test.token) <= call.limit {
				most = uint64(16<<10 + 40*len(test.token))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			call.do()
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > most {
				t.Errorf("%s of %s, %d bytes: allocates %d bytes, %d at most are wanted", call.name, name, len(test.token), got, most)
			}
		}
	}
}
