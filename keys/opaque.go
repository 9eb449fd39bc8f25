package keys

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/tink-crypto/tink-go/v2/daead/subtle"

	"postern/policy"
)

// OpaqueIDSettings configure the ids that say nothing of a customer.
type OpaqueIDSettings struct {
	// Key is 64 bytes. Another key gives every customer another id.
	Key Value `yaml:"key"`
}

// Load returns what seals with the key, or nil where it cannot be used, which is
// reported.
func (s *OpaqueIDSettings) Load(at policy.Path, l Loader, problems *policy.Problems) *OpaqueIDs {
	key, err := l.Secret(s.Key)
	if err != nil {
		problems.Addf(at.At("key"), "%v", err)
		return nil
	}
	siv, err := subtle.NewAESSIV(key)
	if err != nil {
		problems.Addf(at.At("key"), "wants %d bytes, got %d (openssl rand -hex 64 makes one, with encoding: hex)", subtle.AESSIVKeySize, len(key))
		return nil
	}
	return &OpaqueIDs{siv}
}

// OpaqueIDs seals and opens opaque ids with AES-256-SIV (RFC 5297): equal texts
// have equal ids, all others differ, and a key's owner reads an id without a
// table. An id tells nothing but the length of its text. It is immutable and safe
// for concurrent use.
type OpaqueIDs struct{ siv *subtle.AESSIV }

// opaquePurpose is the associated data, so that nothing else that is ever sealed
// with the same key can be taken for an opaque id.
var opaquePurpose = []byte("postern opaque_id v1")

// Seal returns the opaque id of a text, in URL-safe base64 without padding.
func (o *OpaqueIDs) Seal(text []byte) (opaque string) {
	sealed, err := o.siv.EncryptDeterministically(text, opaquePurpose)
	if err != nil {
		panic(err) // only a text that fills the memory
	}
	return base64.RawURLEncoding.EncodeToString(sealed)
}

// Open returns the text of an opaque id. The error does not say what is wrong with
// one that was not made with this key.
func (o *OpaqueIDs) Open(opaque string) (text []byte, err error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(opaque)
	// The decoder skips line breaks, even where it is strict.
	if err == nil && !strings.ContainsAny(opaque, "\r\n") {
		if text, err = o.siv.DecryptDeterministically(sealed, opaquePurpose); err == nil {
			return text, nil
		}
	}
	return nil, errors.New("this is no opaque id that was made with the key of the configuration")
}
