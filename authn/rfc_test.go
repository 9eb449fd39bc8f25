package authn_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/keys"
	"postern/policy"
)

// vector is an example of an RFC, in testdata/rfc.json.
type vector struct {
	Source, Algorithm string
	Key               json.RawMessage // a public JWK, or one of kty oct
	Token             string
	// Claims tells the tokens of RFC 7519 from signatures over other texts.
	Claims bool
}

func vectors(t *testing.T) []vector {
	t.Helper()
	var list []vector
	if err := json.Unmarshal(must(os.ReadFile("testdata/rfc.json")), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// key returns the key of the example, as a set shows it or as a shared secret.
func (v *vector) key(t *testing.T) (key *keys.Key, verifier *authn.JWT) {
	t.Helper()
	if !strings.HasPrefix(v.Algorithm, "HS") {
		return must(keys.ParseJWKS([]byte(keySet(string(v.Key))))).Keys[0], newSetVerifier(t, keySet(string(v.Key)), v.Algorithm)
	}
	var oct struct{ K string }
	if err := json.Unmarshal(v.Key, &oct); err != nil {
		t.Fatal(err)
	}
	settings := sharedSecret()
	settings.Secrets[0].Value.Literal = policy.Secret(must(base64.RawURLEncoding.DecodeString(oct.K)))
	candidates := must(loadKeys(t, settings).Candidates("", "", v.Algorithm, at))
	return candidates[0], newJWT(t, func(s *authn.JWTSettings) { s.Keys, s.Algorithms = settings, []string{v.Algorithm} })
}

// The examples of RFC 7515, appendix A, RFC 7520, section 4, and RFC 8037,
// appendix A.4: every signature verifies, and those that sign claims are tokens
// until they expire.
func TestExamplesOfRFCs(t *testing.T) {
	const expires = 1300819380
	joe := map[string]any{"iss": "joe", "exp": json.Number("1300819380"), "http://example.com/is_root": true}
	for _, v := range vectors(t) {
		t.Run(v.Source, func(t *testing.T) {
			key, verifier := v.key(t)
			dot := strings.LastIndexByte(v.Token, '.')
			input, signature := v.Token[:dot], must(base64.RawURLEncoding.DecodeString(v.Token[dot+1:]))
			if err := key.Verify(v.Algorithm, input, signature); err != nil {
				t.Errorf("the signature: %v", err)
			}
			signature[0] ^= 1
			if got := policy.ReasonOf(key.Verify(v.Algorithm, input, signature)); got != policy.BadSignature {
				t.Errorf("another signature: %v", got)
			}

			wantBefore, wantAfter := policy.ReasonNone, policy.TokenExpired
			if !v.Claims {
				wantBefore, wantAfter = policy.MalformedCredential, policy.MalformedCredential
			}
			verified, before := verifyAt(t, verifier, v.Token, time.Unix(expires-1, 0))
			_, after := verifyAt(t, verifier, v.Token, time.Unix(expires+30, 0))
			if before != wantBefore || after != wantAfter {
				t.Errorf("as a token: %v, and later %v", before, after)
			}
			if v.Claims {
				if diff := cmp.Diff(joe, verified.Claims); diff != "" {
					t.Errorf("claims (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// RFC 7515, appendix A.5: the unsecured JWS.
func TestUnsecuredExample(t *testing.T) {
	const token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
	if _, got := verifyAt(t, newPublicVerifier(t), token, time.Unix(1300819379, 0)); got != policy.AlgorithmNotAllowed {
		t.Errorf("%v", got)
	}
}
