package keys

// Form says what is found at the URL of a remote source.
type Form string

// The forms of remote sources.
const (
	// JWKSet is a JWK set (RFC 7517, section 5).
	JWKSet Form = "jwks"
	// Discovery is the document of an OpenID provider, which names its JWK set.
	Discovery Form = "discovery"
	// Certificates is a JSON object of X.509 certificates by kid.
	Certificates Form = "x509"
)

// Location is where a source publishes its keys. Keys of one location are never
// taken for those of another.
type Location struct {
	Form Form   `json:"form"`
	URL  string `json:"url"`
	// Issuer is that of a provider that is discovered.
	Issuer string `json:"issuer,omitzero"`
}

// parse reads the document with the keys.
func (l Location) parse(document []byte) (*Published, error) {
	if l.Form == Certificates {
		return ParseCertificates(document)
	}
	return ParseJWKS(document)
}

// accept is the media type of the document with the keys.
func (l Location) accept() string {
	if l.Form == Certificates {
		return "application/json"
	}
	return "application/jwk-set+json, application/json"
}
