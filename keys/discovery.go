package keys

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"postern/policy"
)

// wellKnown is where the document of a provider stands, below its issuer
// (OpenID Connect Discovery 1.0, section 4).
const wellKnown = "/.well-known/openid-configuration"

// DiscoverySettings name an OpenID provider, whose document says where its keys
// are: by its issuer alone, or by a URL and the issuer that is found there.
type DiscoverySettings struct {
	// Provider is the issuer, where it stands as a plain scalar.
	Provider string `yaml:",scalar"`
	// URL is where the provider is reached: what its well-known path is appended
	// to, or, with a path that has /.well-known/ in it, the document itself.
	URL string `yaml:"url"`
	// Issuer is what the document must say of itself; URL where it is left out.
	Issuer string `yaml:"issuer"`
}

// location returns where the document is, and the issuer that it must name.
func (d *DiscoverySettings) location() Location {
	l := Location{Form: Discovery, URL: d.Provider + d.URL, Issuer: d.Issuer}
	if l.Issuer == "" {
		l.Issuer = l.URL
	}
	if !isDocument(l.URL) {
		l.URL = strings.TrimSuffix(l.URL, "/") + wellKnown
	}
	return l
}

func isDocument(address string) bool { return strings.Contains(address, "/.well-known/") }

// check reports what is wrong beside the URL.
func (d *DiscoverySettings) check(at policy.Path, problems *policy.Problems) {
	address := d.Provider + d.URL
	switch {
	case isDocument(address) && d.Issuer == "":
		problems.Addf(at, "issuer is missing: this is the URL of a document, so write {url, issuer}")
	case !isDocument(address) && strings.ContainsAny(address, "?#"):
		problems.Addf(at, "an issuer has no query or fragment")
	}
}

// locate returns the URL of the keys. That of a provider comes from its document,
// which is fetched each time; while that fails, the last one that it named stays.
func (r *Remote) locate(ctx context.Context) (string, error) {
	if r.settings.Form != Discovery {
		return r.settings.URL, nil
	}
	found, err := r.discover(ctx)
	r.mu.Lock()
	if err == nil {
		r.jwksURI = found
	}
	address := r.jwksURI
	r.mu.Unlock()
	switch {
	case err == nil:
	case address == "" || ctx.Err() != nil:
		return "", fmt.Errorf("discovery: %w", err)
	default:
		r.log.Warn("discovery failed, the last jwks_uri is used", "source", r.source, "cause", err.Error())
	}
	return address, nil
}

// discover fetches the provider's document and returns its jwks_uri.
func (r *Remote) discover(ctx context.Context) (jwksURI string, err error) {
	body, _, err := r.client.get(ctx, r.settings.URL, "application/json")
	if err != nil {
		return "", err
	}
	var document struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := parseObject(body, &document, "the document of an OpenID provider"); err != nil {
		return "", err
	}
	// Section 4.3: they must be identical, so that no provider can speak for
	// another.
	if document.Issuer != r.settings.Issuer {
		return "", errors.New("the document is that of another issuer")
	}
	if err := r.settings.checkURL(document.JWKSURI); err != nil {
		return "", fmt.Errorf("jwks_uri %w", err)
	}
	return document.JWKSURI, nil
}

// checkURL reports what makes a URL none that keys may be fetched from. Its error
// does not quote the URL, which may hold a password.
func (s RemoteSettings) checkURL(address string) error {
	u, err := url.Parse(address)
	// Through a proxy, loopback is another machine's.
	private := s.Connection.Proxy == "" && err == nil && IsLoopback(u.Hostname())
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return errors.New("is not a URL like https://idp.example.com/jwks.json")
	case u.User != nil:
		return errors.New("holds a user name or password, which a key set must not need")
	case u.Scheme == "http" && !s.AllowInsecureHTTP && !private:
		return errors.New("is plain http: whoever is on the way could replace the keys (allow_insecure_http: true accepts that)")
	}
	return nil
}
