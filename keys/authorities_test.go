package keys_test

import (
	"crypto/elliptic"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postern/keys"
)

// A file of authorities is whole or an error: one that is left out in silence would
// be missed when its clients are.
func TestAuthorities(t *testing.T) {
	good, other := certify(p256(), validFrom, validUntil, 0), certify(p256(), validFrom, validUntil.Add(time.Hour), 0)
	for name, test := range map[string]struct {
		content, want string
	}{
		"one":                  {good, ""},
		"two, and words":       {"The first\n" + good + "\nand the second:\n" + other, ""},
		"nothing":              {"# none yet\n", "holds no certificate in PEM, or a broken one"},
		"empty":                {"", " is empty"},
		"cut off":              {good + other[:len(other)/2], "holds no certificate in PEM, or a broken one"},
		"a key":                {good + pemBlock("PRIVATE KEY", []byte("x")), "PEM block 2 is no certificate"},
		"no certificate in it": {good + pemBlock("CERTIFICATE", []byte("x")), "certificate 2 is not readable"},
		"a weak key":           {good + certify(newEC(elliptic.P224()), validFrom, validUntil, 0), "certificate 2: "},
	} {
		path := writeFile(t, test.content)
		_, set, err := keys.Loader{Dir: filepath.Dir(path)}.Authorities(filepath.Base(path))
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if want := strings.Count(test.content, "BEGIN"); err == nil && set.Len() != want {
			t.Errorf("%s: %d authorities", name, set.Len())
		}
	}
}
