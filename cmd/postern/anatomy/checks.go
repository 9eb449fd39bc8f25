package anatomy

import (
	"encoding/json"
	"slices"
	"strings"

	"postern/keys"
)

// steering are members of a header by which a token brings, or names, the key that
// verifies it. No verifier may believe them.
var steering = []string{"jku", "jwk", "x5u", "x5c"}

// maxKeyID is the longest kid that Postern looks up.
const maxKeyID = 256

func (a *Anatomy) checkHeader() {
	if a.header == nil {
		return
	}
	switch algorithm, isText := a.header["alg"].(string); {
	case !isText:
		a.problemf("the header names no algorithm (alg)")
	case strings.EqualFold(algorithm, "none"):
		a.problemf("alg is none: it is not signed, and anybody can have changed it")
	default:
		if _, known := keys.LookupAlgorithm(algorithm); !known {
			a.problemf("alg is %q, which is none of %s", algorithm, strings.Join(keys.AlgorithmNames(), ", "))
		}
	}
	if _, critical := a.header["crit"]; critical {
		a.problemf("crit asks for extensions that must be understood (RFC 7515, section 4.1.11), and none is")
	}
	for _, name := range steering {
		if _, there := a.header[name]; there {
			a.problemf("%s says which key verifies it: that is ignored, since whoever forges a token can name a key of theirs", name)
		}
	}
	if kid, there := a.header["kid"]; there {
		if text, isText := kid.(string); !isText {
			a.problemf("kid is no text")
		} else if len(text) > maxKeyID {
			a.problemf("kid is longer than %d bytes", maxKeyID)
		}
	}
	if typ, there := a.header["typ"]; there {
		if _, isText := typ.(string); !isText {
			a.problemf("typ is no text")
		}
	}
}

// signatureBytes are the lengths that RFC 7518, section 3, and RFC 8037 give.
var signatureBytes = map[string]int{
	"HS256": 32, "HS384": 48, "HS512": 64, "ES256": 64, "ES384": 96, "ES512": 132, "EdDSA": 64,
}

// minRSASignature is the length for the shortest key that counts, of 2048 bits.
const minRSASignature = 256

func (a *Anatomy) checkSignature(signature []byte) {
	algorithm, _ := a.header["alg"].(string)
	want, fixed := signatureBytes[algorithm]
	rsa := strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")
	switch {
	case len(signature) == 0:
		a.problemf("it has no signature")
	case fixed && len(signature) == want:
	case strings.HasPrefix(algorithm, "ES") && signature[0] == 0x30:
		a.problemf("the signature is in ASN.1, as openssl writes it: %s wants r and s, of %d bytes in all", algorithm, want)
	case fixed:
		a.problemf("the signature has %d bytes, and %s wants %d", len(signature), algorithm, want)
	case rsa && len(signature) < minRSASignature:
		a.problemf("the signature has %d bytes: it is cut short, or of a key of fewer than 2048 bits", len(signature))
	}
}

// isInteger reports whether a claim is one, as sub and jti are where accounts are
// counted.
func isInteger(value any) bool {
	number, isNumber := value.(json.Number)
	return isNumber && !strings.ContainsAny(number.String(), ".eE")
}

// checkClaims looks at the claims of RFC 7519, section 4.1, that have a type.
func (a *Anatomy) checkClaims() {
	for _, name := range []string{"iss", "sub", "jti"} {
		value, there := a.claims[name]
		if name != "iss" && isInteger(value) {
			continue
		}
		if text, isText := value.(string); there && isText && text == "" {
			a.problemf("%s is empty", name)
		} else if _, isObject := value.(map[string]any); there && !isText && (name != "sub" || !isObject) {
			a.problemf("%s is no text", name)
		}
	}
	if audience, there := a.claims["aud"]; there {
		list, isList := audience.([]any)
		if !isList {
			list = []any{audience}
		}
		if slices.ContainsFunc(list, func(element any) bool { _, isText := element.(string); return !isText }) {
			a.problemf("aud is neither a text nor a list of texts")
		}
	}
}
