package authn

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"slices"
	"strings"
	"time"

	"postern/keys"
	"postern/policy"
)

// SignatureSettings configure an authenticator of requests with an HMAC.
type SignatureSettings struct {
	CarrierSettings `yaml:",inline"`
	// Prefix stands before the signature, such as sha256=.
	Prefix string `yaml:"prefix"`
	// Message is what is signed, the body unless set.
	Message Message `yaml:"message"`
	// Timestamp is the part of the message that says when it was signed, in
	// seconds of Unix time; Tolerance is how far that may be from now, before or
	// after.
	Timestamp policy.Reference `yaml:"timestamp"`
	Tolerance *policy.Duration `yaml:"tolerance"`
	// Hash is sha256, sha1 or sha512.
	Hash string `yaml:"hash" words:"sha256 sha1 sha512"`
	// Encoding is hex, in either case, or base64 with padding.
	Encoding string `yaml:"encoding" words:"hex base64"`

	Secrets         []keys.SecretSettings `yaml:"secrets"`
	AllowWeakSecret bool                  `yaml:"allow_weak_secret"`

	// CustomerID is the part of the message that names the customer; without it
	// the level is application.
	CustomerID policy.Reference `yaml:"customer_id"`
}

const (
	defaultTolerance = 5 * time.Minute
	encodingHex      = "hex"
	encodingBase64   = "base64"
)

// hashes are those of [SignatureSettings]. No attack on SHA-1 is one on its HMAC
// (RFC 6194), and some channels have nothing else.
var hashes = map[string]func() hash.Hash{"sha256": sha256.New, "sha1": sha1.New, "sha512": sha512.New}

// SetDefaults fills in what the configuration leaves out.
func (s *SignatureSettings) SetDefaults() {
	s.Message, s.Hash, s.Encoding = wholeBody(), "sha256", encodingHex
}

// Check reports what is wrong with the settings.
func (s *SignatureSettings) Check(at policy.Path, problems *policy.Problems) {
	s.check(at, "", problems)
	if s.Secrets == nil {
		problems.Addf(at, "secrets is missing")
	} else {
		s.keys().Check(at, problems)
	}
	if strings.ContainsFunc(s.Prefix, notCredentialByte) {
		problems.Addf(at.At("prefix"), "no credential holds white space or anything but ASCII")
	}
	if !s.Message.distinguishes(s.Timestamp) {
		problems.Addf(at.At("message"), "names nothing but method, host and timestamp: one signature would be good for every request of its time")
	}
	s.checkCovered(at.At("timestamp"), s.Timestamp, problems)
	switch {
	case s.Tolerance == nil:
	case s.Timestamp.IsZero():
		problems.Addf(at.At("tolerance"), "says nothing without timestamp")
	case *s.Tolerance == 0:
		problems.Addf(at.At("tolerance"), "wants more than 0s")
	}
	switch s.CustomerID.Source {
	case policy.SourceNone, policy.PathValue, policy.QueryParameter, policy.HeaderField, policy.Cookie, policy.Body:
		s.checkCovered(at.At("customer_id"), s.CustomerID, problems)
	default:
		problems.Addf(at.At("customer_id"), "%s cannot name the customer: use a part of the signed message, such as body.user_id", s.CustomerID)
	}
}

// checkCovered: what is not signed is the client's choice.
func (s *SignatureSettings) checkCovered(at policy.Path, ref policy.Reference, problems *policy.Problems) {
	if !ref.IsZero() && !s.Message.covers(ref) {
		problems.Addf(at, "%s is no part of the signed message, so that a client could choose it", ref)
	}
}

// keys returns the secrets as package keys takes them.
func (s *SignatureSettings) keys() *keys.Settings {
	k := &keys.Settings{Secrets: s.Secrets}
	k.SetDefaults()
	return k
}

// Load reads the secrets; what is wrong with them is reported, and the result
// then nil.
func (s *SignatureSettings) Load(at policy.Path, l keys.Loader, problems *policy.Problems) *keys.Static {
	return s.keys().Load(at, l, s.AllowWeakSecret, problems)
}

func (s *SignatureSettings) tolerance() time.Duration {
	if s.Tolerance == nil {
		return defaultTolerance
	}
	return s.Tolerance.Std()
}

// Carriers returns where the credential may stand.
func (s *SignatureSettings) Carriers() []Carrier { return s.carriers("") }

// Customer returns what names the customer, and whether an identity can be without.
func (s *SignatureSettings) Customer() (ref policy.Reference, optional bool) {
	return s.CustomerID, false
}

// Listed returns the secrets; it is never nil, since they come from nowhere else.
func (s *SignatureSettings) Listed() []keys.Listed {
	return append([]keys.Listed{}, s.keys().Listed()...)
}

// Reads returns the parts of the request that are read one by one, beside the
// credential.
func (s *SignatureSettings) Reads() []policy.Reference {
	return distinct(append(slices.Clone(s.Message.refs), s.Timestamp, s.CustomerID))
}

// NewSignature compiles the authenticator. The settings have passed Check.
func NewSignature(name string, s *SignatureSettings, secrets *keys.Static) *Signature {
	return &Signature{opaque: opaque{s.carried("")}, name: name, settings: *s, secrets: secrets}
}
